//! The archives that the machine's own apt knows.

use std::fs;
use std::path::PathBuf;

/// The archives in the machine's own apt sources, in both formats. The main archive comes before the one for
/// security updates, which has other suites.
pub fn mirrors() -> Vec<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    files.extend(parts.map(|entry| entry.path()));
    files.sort();
    let mut found: Vec<(bool, String)> = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let archives = match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => list_archives(&text),
            Some("sources") => deb822_archives(&text),
            _ => continue,
        };
        for (uri, suites) in archives {
            let is_security =
                suites.iter().all(|suite| suite.ends_with("-security") || suite.ends_with("/updates"));
            if !found.iter().any(|(_, known)| *known == uri) {
                found.push((is_security, uri));
            }
        }
    }
    found.sort_by_key(|(is_security, _)| *is_security);
    found.into_iter().map(|(_, uri)| uri).collect()
}

/// `deb [options] URI SUITE COMPONENTS` (sources.list(5)).
fn list_archives(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some(rest) = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t'])) else {
            continue;
        };
        let rest = match rest.trim_start().strip_prefix('[') {
            Some(options) => options.split_once(']').map_or("", |(_, after)| after),
            None => rest,
        };
        let mut words = rest.split_whitespace().map(String::from);
        if let (Some(uri), Some(suite)) = (words.next(), words.next()) {
            found.push((uri, vec![suite]));
        }
    }
    found
}

/// Paragraphs with `Types:`, `URIs:` and `Suites:`; a field goes on in lines that start with a space.
fn deb822_archives(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let text: String =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    for paragraph in text.split("\n\n") {
        let joined = paragraph.replace("\n ", " ").replace("\n\t", " ");
        let field = |name: &str| -> Vec<String> {
            let line = joined.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.trim().eq_ignore_ascii_case(name).then_some(value)
            });
            line.unwrap_or_default().split_whitespace().map(String::from).collect()
        };
        let is_off = field("Enabled").iter().any(|value| value.eq_ignore_ascii_case("no"));
        if is_off || !field("Types").iter().any(|kind| kind == "deb") {
            continue;
        }
        found.extend(field("URIs").into_iter().map(|uri| (uri, field("Suites"))));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_sources_are_read() {
        let text = "# deb http://a.invalid/x y main\ndeb-src http://b.invalid/ s main\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://c.invalid/debian sid main # note\n";
        assert_eq!(list_archives(text), [("http://c.invalid/debian".into(), vec!["sid".into()])]);
    }

    #[test]
    fn deb822_sources_are_read() {
        let text = "Types: deb deb-src\n# a note\nURIs: http://a.invalid/debian\n http://b.invalid/debian\n\
                    Suites: sid sid-updates\n\nTypes: deb\nEnabled: no\nURIs: http://c.invalid\nSuites: x\n";
        let suites = vec!["sid".to_string(), "sid-updates".to_string()];
        let expected =
            [("http://a.invalid/debian".into(), suites.clone()), ("http://b.invalid/debian".into(), suites)];
        assert_eq!(deb822_archives(text), expected);
    }
}
