//! The tables, and their places in docs/src/performance.md.

use std::fs;

use super::results::Table;
use super::statistics::{self, Quartiles};
use super::variants::FLOOR;
use crate::{Result, process};

const PAGE: &str = "docs/src/performance.md";

/// A table of a workload.
pub fn table(table: &Table) -> String {
    let unit = &table.workload.unit;
    let compares = table.of(FLOOR).is_some() && table.series[0].variant != FLOOR;
    let [more, line] = if compares { [" of untraced | added, of the floor |", "--:|--:|"] } else { [""; 2] };
    let mut text = format!(
        "| {} ({}) | median | quartiles |{more}\n|---|--:|--:|{line}\n",
        table.workload.title, unit.name
    );
    for series in &table.series {
        let values = Quartiles::of(series.values.iter().map(|value| value / unit.size));
        let (Some(values), None) = (values, &series.left_out) else {
            text.push_str(&format!(
                "| {} | could not run | |{}\n",
                series.variant,
                if compares { " | |" } else { "" }
            ));
            continue;
        };
        let digits = unit.digits;
        text.push_str(&format!(
            "| {} | {:.digits$} | {:.digits$} to {:.digits$} |",
            series.variant, values.median, values.low, values.high
        ));
        if compares {
            let of_first = statistics::ratio(&series.values, &table.series[0].values);
            let of_floor =
                table.of_floor(series.variant).filter(|_| series.variant != table.series[0].variant);
            let of_floor = of_floor.map(|of| format!("{:.1} ({:.1} to {:.1})", of.median, of.low, of.high));
            text.push_str(&format!(
                " {:.2} | {} |",
                of_first.map_or(f64::NAN, |of| of.median),
                of_floor.unwrap_or_default()
            ));
        }
        text.push('\n');
    }
    let reasons = table.series.iter().filter_map(|series| {
        let why = series.left_out.as_ref()?;
        Some(format!("\n{} could not run: {}.\n", series.variant, why.lines().next()?.trim_end_matches('.')))
    });
    text.extend(reasons);
    text
}

/// Replaces what is between the markers of a section of the page; the rest of it is written by hand.
pub fn write(name: &str, text: &str) -> Result<()> {
    let path = process::top().join(PAGE);
    let page = fs::read_to_string(&path).map_err(|error| format!("cannot read {PAGE}: {error}"))?;
    let page = replaced(&page, name, text)
        .ok_or_else(|| format!("{PAGE} lacks the lines {} and {END}", begin(name)))?;
    fs::write(&path, page).map_err(|error| format!("cannot write {PAGE}: {error}"))
}

/// What is between the markers of a section of the page now; nothing if it can't be read.
pub fn section(name: &str) -> String {
    let page = fs::read_to_string(process::top().join(PAGE)).unwrap_or_default();
    split(&page, name).map_or("", |[_, section, _]| section).to_owned()
}

const END: &str = "<!-- bench:end -->";

fn begin(name: &str) -> String {
    format!("<!-- bench:{name} -->")
}

fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let [before, _, after] = split(page, name)?;
    Some(format!("{before}{}\n{}\n{END}{after}", begin(name), text.trim_end()))
}

/// What is before a section, in it and behind it, without its markers.
fn split<'a>(page: &'a str, name: &str) -> Option<[&'a str; 3]> {
    let (before, rest) = page.split_once(&begin(name))?;
    let (section, after) = rest.split_once(END)?;
    Some([before, section, after])
}

#[cfg(test)]
mod tests {
    use super::super::workloads;
    use super::*;

    #[test]
    fn only_the_text_between_the_markers_is_replaced() {
        let page = format!("# Title\n<!-- bench:a -->\nold\n{END}\n<!-- bench:b -->\nb\n{END}\nend\n");
        let new = format!("# Title\n<!-- bench:a -->\nnew\n{END}\n<!-- bench:b -->\nb\n{END}\nend\n");
        assert_eq!(replaced(&page, "a", "new\n"), Some(new));
        assert_eq!(replaced("no markers", "a", "new"), None);
    }

    #[test]
    fn the_page_has_a_place_for_every_table() {
        let page = fs::read_to_string(process::top().join(PAGE)).unwrap();
        let names = workloads::ALL.iter().map(|workload| workload.id).chain(["machine", "goals", "loss"]);
        for name in names {
            assert!(replaced(&page, name, "").is_some(), "{name}");
        }
    }
}
