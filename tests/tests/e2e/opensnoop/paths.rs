//! `-F`: where the name that was passed is.

use rstrace_tests::{Doctor, Opensnoop, Scratch, Snooped, fixture};

#[track_caller]
fn paths_are_right(run: &Snooped, what: &str) {
    let mut shown = run.paths().into_iter();
    for line in run.output.stdout.lines() {
        let (kind, text) = line.split_once(' ').expect("two words");
        match kind {
            "want" | "way" => assert_eq!(shown.next().as_deref(), Some(text), "{what}"),
            "cut" => {
                let path = shown.next().expect("a row");
                // the end of it is right, and it says that there is more
                assert!(
                    path.starts_with(".../LLLL") && path.ends_with(&format!("L/{text}")),
                    "{what}: {path}"
                );
                assert!(path.len() > 16 << 10, "{what}: only {} bytes of a path", path.len());
            }
            "pivot" => {}
            _ => panic!("what is {line}?"),
        }
    }
    assert_eq!(shown.next(), None, "{what}");
}

#[test]
fn a_full_path_is_right_wherever_the_name_is_relative_to() {
    for offer in Doctor::ask().usable("open") {
        let scratch = Scratch::new();
        let run = Opensnoop::with(&["-F", "--stats"]);
        let options = offer.options();
        let (program, folder) = (fixture("full_paths"), scratch.fresh_folder("d"));
        let words = [&options[..], &["--exec", &program, &folder]].concat();
        let run = run.run(&words).ended_with(0);
        paths_are_right(&run, &offer.to_string());
        // only the one that is longer than any path can be
        assert_eq!(run.ledger().incomplete, 1, "{offer}");
    }
}

#[test]
fn without_it_names_are_as_they_were_passed() {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let run = Opensnoop::with(&[]).run(&["--exec", &fixture("full_paths"), &folder]).ended_with(0);
    let paths = run.paths();
    for name in ["in-cwd", "../b/dots", "link/by-link", "deep", "too-deep", "/in-root"] {
        assert!(paths.iter().any(|path| path == name), "{name} in {paths:?}");
    }
}

#[test]
fn json_says_both_names_and_what_is_uncertain() {
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let run =
        Opensnoop::with(&["-F", "--json"]).run(&["--exec", &fixture("full_paths"), &folder]).ended_with(0);
    let objects = run.objects();
    for (name, path, standing) in [
        ("in-cwd", format!("{folder}/a/in-cwd"), None),
        ("../b/dots", format!("{folder}/a/../b/dots"), None),
        ("in-gone", format!("{folder}/gone/in-gone"), Some("deleted")),
        ("in-lost", "/t/in-lost".to_owned(), Some("detached")),
        ("in-nothing", "/in-nothing".to_owned(), Some("unknown")),
    ] {
        let object = objects.iter().find(|object| object["path"] == name).expect(name);
        assert_eq!(object["full_path"], path.as_str());
        let expected: Vec<&str> = standing.into_iter().collect();
        assert_eq!(object["full_path_is"], serde_json::json!(expected), "{name}");
    }
    let cut = objects.iter().find(|object| object["path"] == "too-deep").expect("too-deep");
    assert_eq!(cut["full_path_is"], serde_json::json!(["cut"]));
}
