//! Nothing is lost: traced threads wait for the reader, and the reader waits for nobody.

use std::io::Read;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use rstrace_tests::{
    Ledger, Program, Rstrace, Scratch, fixture, limit, rstrace_binary, said_number, scale, until,
};

/// So small that it fills up again and again.
const SMALL_BUFFER: &str = "256k";

fn storm(run: Rstrace, path: &str) -> Ledger {
    let (threads, each) = (scale::STORM_THREADS.to_string(), scale::repeated(scale::STORM).to_string());
    run.stats().run(&[&fixture("open_storm"), &threads, &each, path]).ended_well().ledger()
}

#[test]
fn a_storm_into_a_small_buffer_loses_nothing() {
    let scratch = Scratch::new();
    let path = scratch.file("f", "");
    for transport in ["ring", "perf"] {
        let run =
            Rstrace::tracing("trace=openat,close").and(&["--transport", transport, "--buffer", SMALL_BUFFER]);
        let ledger = storm(run, &path);
        assert_eq!(ledger.lost, 0, "{transport}: {ledger:?}");
        assert!(ledger.seen >= 2 * scale::STORM_THREADS * scale::repeated(scale::STORM), "{ledger:?}");
    }
}

/// How a storm is made hard.
#[derive(Debug, Clone, Copy)]
struct Hard {
    threads: u64,
    /// rstrace and the storm share one CPU.
    on_one_cpu: bool,
    /// rstrace is stopped for a while in the midst of it.
    stopped: bool,
}

const STORMS: &[Hard] = &[
    Hard { threads: 8, on_one_cpu: false, stopped: false },
    Hard { threads: 64, on_one_cpu: false, stopped: false },
    Hard { threads: 8, on_one_cpu: true, stopped: false },
    Hard { threads: 8, on_one_cpu: false, stopped: true },
];

const TRANSPORTS: [&str; 2] = ["ring", "perf"];

/// The account of a storm of the cheapest call, checked against the storm's own count and the lines.
#[track_caller]
fn counted(hard: Hard, options: &[&str]) -> Ledger {
    let run = Rstrace::tracing("trace=getppid").stats().and(options);
    let each = (scale::hard_storm() / hard.threads).to_string();
    let words = [fixture("call_storm"), hard.threads.to_string(), each];
    let words = words.each_ref().map(String::as_str);
    let storm = || {
        if hard.on_one_cpu {
            let mut first = CpuSet::new();
            first.set(0).expect("there is a CPU 0");
            // this thread's, and so that of what it starts
            sched_setaffinity(Pid::from_raw(0), &first).expect("CPU 0 can be had");
        }
        let storm = run.start(&words);
        if hard.stopped {
            until("the first lines", limit(), || {
                let begun = !storm.trace_so_far().lines.is_empty();
                begun.then(|| storm.running.signal(Signal::SIGSTOP))
            });
            std::thread::sleep(scale::stopped());
            storm.running.signal(Signal::SIGCONT);
        }
        storm.finish().ended_well()
    };
    let run = std::thread::scope(|scope| scope.spawn(storm).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let (ledger, made) = (run.ledger_of_lines(), said_number(&run.output.stdout, "calls"));
    assert_eq!(ledger.seen, made, "{hard:?} {options:?}: {ledger:?}");
    ledger
}

#[test]
fn nothing_of_a_hard_storm_is_lost() {
    for transport in TRANSPORTS {
        for hard in STORMS {
            let ledger = counted(*hard, &["--transport", transport]);
            assert_eq!(ledger.lost, 0, "{hard:?} by {transport}: {ledger:?}");
        }
    }
}

#[test]
fn who_asks_for_it_loses_calls_that_are_counted_to_the_last_one() {
    for transport in TRANSPORTS {
        let storm = |hard| counted(hard, &["--transport", transport, "--loss", "drop", "--buffer", "4k"]);
        let lost: u64 = STORMS.iter().map(|hard| storm(*hard).lost).sum();
        assert!(lost > 0, "{transport}");
    }
}

/// The trace goes into a pipe that nobody reads until the program has made all its calls.
#[test]
fn an_output_that_is_not_read_holds_nobody_up() {
    let scratch = Scratch::new();
    let (path, pipe) = (scratch.file("f", ""), scratch.at("pipe"));
    nix::unistd::mkfifo(pipe.as_str(), nix::sys::stat::Mode::S_IRWXU).expect("a named pipe");
    let (threads, each) = (scale::STORM_THREADS, scale::repeated(scale::STORM));
    let binary = rstrace_binary();
    let words = [&binary, "-e", "trace=openat", "-o", &pipe, "--buffer", SMALL_BUFFER, "--"];
    let storm = [&fixture("open_storm"), &threads.to_string(), &each.to_string(), &path];
    let running = Program::new(&[&words[..], &storm.map(String::as_str)].concat()).start();
    let mut trace = std::fs::File::open(&pipe).expect("rstrace opens it too");
    running.wait_for_stdout("opens");
    let mut text = String::new();
    trace.read_to_string(&mut text).expect("text");
    running.finish().ended_well();
    let opens = text.lines().filter(|line| line.contains(&path)).count() as u64;
    assert_eq!(opens, threads * each);
    assert!(!text.contains("lost"), "{text}");
}
