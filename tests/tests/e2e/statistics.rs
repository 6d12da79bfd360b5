//! Statistics: what is counted in the kernel is what was called, and the tables are strace's.

use nix::sys::signal::Signal;
use regex_lite::Regex;
use rstrace_tests::{Program, Rstrace, Scratch, Summary, fixture, in_vm, needs, rstrace_binary, said_number};

/// Runs a command under `strace OPTIONS` and under `rstrace OPTIONS`: both tables.
#[track_caller]
fn both(options: &[&str], command: &[&str]) -> (String, String) {
    let scratch = Scratch::new();
    let file = scratch.at("strace");
    let words = [&["strace"], options, &["-o", &file, "--"], command].concat();
    Program::new(&words).run();
    let by_strace = std::fs::read_to_string(&file).expect("strace wrote its file");
    (by_strace, Rstrace::with(options).run(command).text)
}

#[test]
fn calls_and_errors_are_strace_s() {
    needs!("strace");
    let scratch = Scratch::new();
    let folder = scratch.fresh_folder("d");
    let file = scratch.file("plain", "text\n");
    let fifo = scratch.at("fifo");
    // with the calls of which the number is chance beside waiting for each other
    let commands: [(&[&str], &[&str]); 9] = [
        // returns that do not say which call they are of
        (&[&fixture("exec_chain"), "3", &file], &[]),
        // whether strace sees the killed leader leave its pause
        (&[&fixture("thread_exec"), &fixture("exit_code"), "0"], &["pause"]),
        // two tables, and calls of both in one process
        (&[&fixture("int80_open"), &folder], &[]),
        // calls without an entry
        (&[&fixture("seccomp_refused"), "3", &file], &[]),
        // calls that never return are not counted; how often it looks whether its thread is blocked
        (&[&fixture("killed_in_open"), &fifo], &["pread64", "clock_nanosleep"]),
        (&[&fixture("signal_suicide"), "9"], &[]),
        (&[&fixture("signal_suicide"), "15"], &[]),
        (&[&fixture("vfork_child"), &folder], &[]),
        (&[&fixture("counted_calls"), "3", "3", "100"], &[]),
    ];
    for (command, by_chance) in commands {
        let (by_strace, by_rstrace) = both(&["-f", "-c"], command);
        let known = |text: &str| {
            let mut counts = Summary::parse(text).counts();
            // how often threads wait for each other is chance
            counts.retain(|name, _| !["futex", "restart_syscall", "sched_yield"].contains(&name.as_str()));
            counts.retain(|name, _| !by_chance.contains(&name.as_str()));
            // the FIFO is there the second time
            counts.retain(|name, _| name != "mknodat");
            counts
        };
        assert!(!known(&by_strace).is_empty(), "{by_strace}");
        assert_eq!(known(&by_strace), known(&by_rstrace), "{command:?}\n{by_strace}\n{by_rstrace}");
        let heads = |text: &str| text.matches("System call usage summary for 32 bit mode:").count();
        assert_eq!(heads(&by_strace), heads(&by_rstrace), "{by_rstrace}");
    }
}

#[test]
fn the_table_has_the_form_of_strace_s() {
    needs!("strace");
    let command = [fixture("counted_calls"), "1".to_owned(), "1".to_owned(), "50".to_owned()];
    let command: Vec<_> = command.iter().map(String::as_str).collect();
    for columns in [
        "time-percent,total-time,avg-time,calls,errors,name",
        "calls",
        "name,calls",
        "errors,syscall,count",
        "shortest,longest,name,time_total",
        "name,min-time,max_time",
    ] {
        for sort in ["name", "nothing", "calls", "errors"] {
            for wall in [&[][..], &["-w"]] {
                let options = [&["-c", "-U", columns, "-S", sort], wall].concat();
                let (by_strace, by_rstrace) = both(&options, &command);
                // numbers may differ, and with them what is sorted by them; the order of names may not
                let average = if columns.contains("avg-time") { " [ 0-9]{11}" } else { "" };
                let times = Regex::new(&format!(r"( *[0-9]+\.[0-9]{{2,6}})+{average}"));
                let times = times.expect("an expression");
                let form = |text: &str| times.replace_all(text, "T").into_owned();
                assert_eq!(form(&by_strace), form(&by_rstrace), "{options:?}");
            }
        }
    }
    // by time: rows never grow, percents add up, and the total is that of the rows
    let run = Rstrace::with(&["-c", "-w"]).run(&command).ended_well();
    let line = Regex::new(r"^[ 0-9]{3}\.\d\d {4}\d\.\d{6} [ 0-9]{11} [ 0-9]{9} [ 0-9]{9} [a-z_0-9]+$");
    let line = line.expect("an expression");
    let body: Vec<_> = run.text.lines().skip(2).filter(|line| !line.starts_with("---")).collect();
    assert!(body.len() > 5 && body.iter().all(|text| line.is_match(text)), "{}", run.text);
    let summary = Summary::parse(&run.text);
    let seconds: Vec<f64> = summary.rows.iter().map(|row| row["seconds"].parse().expect("seconds")).collect();
    assert!(seconds.is_sorted_by(|a, b| a >= b), "{}", run.text);
    let total: f64 = summary.totals[0]["seconds"].parse().expect("seconds");
    assert!((seconds.iter().sum::<f64>() - total).abs() < 1e-6 * seconds.len() as f64, "{}", run.text);
    // what is not counted is no table
    assert_eq!(Rstrace::with(&["-c", "-e", "trace=none"]).run(&command).ended_well().text, "");
    assert_eq!(Rstrace::with(&["-c", "-e", "trace=reboot"]).run(&command).ended_well().text, "");
}

#[test]
fn a_million_calls_are_counted_exactly() {
    let n = if in_vm() { "2000" } else { "50000" };
    for options in [&["-c"][..], &["-c", "-w"], &["-c", "-U", "calls,errors"], &["-c", "-w", "--per-process"]]
    {
        let run = Rstrace::with(options).follow().run(&[&fixture("counted_calls"), "4", "5", n]).ended_well();
        let table = match run.text.split_once("all 4 processes:\n") {
            Some((_, of_all)) => of_all,
            None => &run.text,
        };
        let summary = Summary::parse(table);
        for call in ["getppid", "dup"] {
            let made = said_number(&run.output.stdout, call);
            assert_eq!(summary.number(call, "calls"), made, "{options:?} {call}\n{}", run.text);
            let failed = if call == "dup" { made } else { 0 };
            assert_eq!(summary.number(call, "errors"), failed, "{options:?} {call}\n{}", run.text);
        }
    }
}

#[test]
fn without_follow_children_are_not_counted() {
    let run = Rstrace::with(&["-c"]).run(&[&fixture("counted_calls"), "3", "2", "100"]).ended_well();
    assert_eq!(Summary::parse(&run.text).number("getppid", "calls"), 200, "{}", run.text);
}

#[test]
fn with_calls_shown_the_table_counts_their_lines() {
    let fixture = fixture("counted_calls");
    let run = Rstrace::with(&["-C", "-U", "calls,errors,name"]).follow();
    let run = run.run(&[&fixture, "2", "2", "50"]).ended_well();
    let (lines, table) = run.text.split_once("    calls    errors syscall\n").expect("a table");
    let summary = Summary::parse(&format!("    calls    errors syscall\n{table}"));
    assert_eq!(summary.number("getppid", "calls"), 200);
    let trace = rstrace_tests::Trace::parse(lines);
    for (name, (calls, errors)) in summary.counts() {
        let shown: Vec<_> =
            trace.calls().into_iter().filter(|call| call.starts_with(&format!("{name}("))).collect();
        assert_eq!(shown.iter().filter(|call| !call.ends_with(" = ?")).count() as u64, calls, "{name}");
        let failed = shown.iter().filter(|call| call.contains(" = -1 ") || call.contains(" = ? "));
        assert_eq!(failed.count() as u64, errors, "{name}");
    }
}

#[test]
fn a_filter_of_calls_is_one_of_the_counts() {
    let run = Rstrace::with(&["-c", "-e", "trace=getppid,dup"]).follow();
    let run = run.run(&[&fixture("counted_calls"), "2", "1", "50"]).ended_well();
    let counts = Summary::parse(&run.text).counts();
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [("dup".to_owned(), (10, 10)), ("getppid".to_owned(), (100, 0))]
    );
}

#[test]
fn times_are_of_the_clock_that_was_asked_for() {
    // asleep for 100 ms, not on a CPU
    let seconds = |options: &[&str]| {
        let run = Rstrace::with(options).follow().run(&["sleep", "0.1"]).ended_well();
        let summary = Summary::parse(&run.text);
        let row = summary.rows.iter().find(|row| row["syscall"].ends_with("nanosleep")).expect("a sleep");
        row.iter()
            .filter_map(|(heading, cell)| Some((heading.clone(), cell.parse::<f64>().ok()?)))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    needs!("sleep");
    let asleep = seconds(&["-c", "-w", "-U", "total-time,min-time,max-time"]);
    assert!(asleep.values().all(|seconds| (0.1..5.0).contains(seconds)), "{asleep:?}");
    let less = seconds(&["-c", "-w", "-O", "40ms", "-U", "total-time"]);
    assert!((0.06..5.0).contains(&less["seconds"]), "{less:?}");
    let nothing = seconds(&["-c", "-w", "-O", "9s", "-U", "total-time"]);
    assert_eq!(nothing["seconds"], 0.0);
    let busy = seconds(&["-c", "-U", "total-time,wall-total"]);
    assert!(busy["seconds"] < 0.05 && busy["wall-total"] >= 0.1, "{busy:?}");
}

#[test]
fn histograms_hold_every_call() {
    let run = Rstrace::with(&["-c", "--hist", "-e", "trace=getppid,dup"]).follow();
    let run = run.run(&[&fixture("counted_calls"), "2", "3", "1000"]).ended_well();
    let summary = Summary::parse(&run.text);
    let line = Regex::new(r"^\[[0-9KMGT]+, [0-9KMGT.]+\) +([0-9]+) \|@* *\|$").expect("an expression");
    for call in ["getppid", "dup"] {
        let (_, of_call) = run.text.split_once(&format!("\n{call}: ")).expect("a histogram");
        let lines = of_call.lines().skip(1).map_while(|text| line.captures(text));
        let sum: u64 = lines.map(|found| found[1].parse::<u64>().expect("a number")).sum();
        assert_eq!(sum, summary.number(call, "calls"), "{}", run.text);
    }
}

#[test]
fn each_process_has_a_table_of_its_own() {
    let run = Rstrace::with(&["-c", "--per-process", "-e", "trace=getppid,execve"]).follow();
    let run = run.run(&[&fixture("counted_calls"), "3", "2", "20"]).ended_well();
    let tables: Vec<_> = run.text.split("\n\n").collect();
    assert_eq!(tables.len(), 4, "{}", run.text);
    let head = Regex::new(r"^process \d+ \(counted_calls\):\n").expect("an expression");
    for (place, table) in tables[..3].iter().enumerate() {
        assert!(head.is_match(table), "{table}");
        let summary = Summary::parse(table);
        assert_eq!(summary.number("getppid", "calls"), 40, "{table}");
        assert_eq!(summary.number("execve", "calls"), u64::from(place == 0), "{table}");
    }
    assert!(tables[3].starts_with("all 3 processes:\n"), "{}", run.text);
    assert_eq!(Summary::parse(tables[3]).number("getppid", "calls"), 120);
}

#[test]
fn intervals_add_up_and_an_interrupt_ends_them() {
    let mut busy = Program::new(&[&fixture("many_threads_busy"), "4", "/dev/null"]).with_stdin().start();
    busy.wait_for_stdout("ready");
    let tracing = Rstrace::with(&["-c", "--interval", "0.3", "-U", "calls"]).attach(busy.pid());
    while tracing.trace_so_far().lines.iter().filter(|line| line.text.starts_with("after ")).count() < 3 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    tracing.running.signal(Signal::SIGINT);
    let run = tracing.finish();
    busy.end_stdin();
    busy.finish();
    let (parts, total) = run.text.split_once("in all:\n").expect("a table of all");
    let (parts, total) = (Summary::parse(parts), Summary::parse(total));
    assert!(parts.totals.len() >= 3, "{}", run.text);
    assert!(total.number("openat", "calls") > 100, "{}", run.text);
    for row in &total.rows {
        let name = &row["syscall"];
        assert_eq!(parts.number(name, "calls"), total.number(name, "calls"), "{name}\n{}", run.text);
    }
}

#[test]
fn a_call_that_is_under_way_is_no_line_beside_the_table() {
    let mut waiting = Program::new(&[&fixture("gate"), "true"]).with_stdin().start();
    waiting.wait_for_stdout("\n");
    let pid = waiting.pid().to_string();
    // longer than a call may block until it is shown
    let counted = Program::new(&[&rstrace_binary(), "-c", "--for", "500ms", "-p", &pid]).run().ended_well();
    let lines: Vec<_> = counted.stderr.lines().filter(|line| !line.starts_with("rstrace: ")).collect();
    assert!(lines.is_empty(), "{lines:?}");
    waiting.tell(b"\n");
    waiting.end_stdin();
    waiting.finish().ended_well();
}
