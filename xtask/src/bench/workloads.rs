//! What is measured: each workload is a row.

use super::variants::{
    BPFTRACE, FLOOR, PERF, PERF_PINNED, RSTRACE, RSTRACE_COUNT, RSTRACE_COUNT_ALONE, RSTRACE_COUNT_WALL,
    RSTRACE_FOLLOW, RSTRACE_OPEN, RSTRACE_PINNED, RSTRACE_STOPPED, STRACE, STRACE_PINNED, STRACE_SECCOMP,
    UNTRACED, UNTRACED_PINNED,
};

/// A workload. In its words `{fixtures}`, `{scratch}`, `{count}` and `{port}` are replaced.
#[derive(Debug)]
pub struct Workload {
    /// The word after `--only`.
    pub id: &'static str,
    /// How the page calls it.
    pub title: &'static str,
    /// In what its results are shown.
    pub unit: Unit,
    /// How a result is got.
    pub method: Method,
    /// What is traced.
    pub command: &'static [&'static str],
    /// Programs without which it is left out.
    pub needs: &'static [&'static str],
    /// Whether children are traced too.
    pub follow: bool,
    /// Where traces go instead of a file.
    pub output: Option<&'static str>,
    /// How much is done at first, to learn how long it takes, and at most.
    pub counts: (u64, u64),
    /// How long a run is to be; those of tracers that stop at each call are a third of it, at least one count.
    pub seconds: f64,
    /// The variants, by name; the first is what the others are compared with.
    pub variants: &'static [&'static str],
}

/// A unit of results, which are in nanoseconds or bytes.
#[derive(Debug)]
pub struct Unit {
    /// Its name.
    pub name: &'static str,
    /// How many nanoseconds or bytes it has.
    pub size: f64,
    /// Digits behind the point.
    pub digits: usize,
}

/// How a result is got.
#[derive(Debug, Clone, Copy)]
pub enum Method {
    /// The program prints `ns-per-call`.
    Prints,
    /// Likewise; a variant that counts must have counted as many calls of this name as the program made.
    Counted(&'static str),
    /// Its whole run is timed, that of the tracer with it, and divided by the count.
    Wall,
    /// The program is a server; the words are a client, that prints requests per second after the text.
    Served(&'static [&'static str], &'static str),
    /// The program waits, and the words are one that is not traced and prints `ns-per-call`.
    Beside(&'static [&'static str]),
    /// The program waits while the tracer's memory is looked at.
    Memory,
    /// The time by which a thread on the same CPU wakes up late: the words print it after the text.
    Latency(&'static [&'static str], &'static str),
}

const CALLS: Unit = Unit { name: "ns per call", size: 1.0, digits: 0 };
const BLOCKS: Unit = Unit { name: "ns per block of a read and a write", size: 1.0, digits: 0 };
const RUNS: Unit = Unit { name: "ms per run", size: 1e6, digits: 1 };
const REQUESTS: Unit = Unit { name: "µs per request", size: 1e3, digits: 2 };
const MEMORY: Unit = Unit { name: "MiB", size: 1048576.0, digits: 1 };

const LOOPS: &[&str] = &[
    UNTRACED,
    FLOOR,
    RSTRACE,
    RSTRACE_PINNED,
    RSTRACE_OPEN,
    STRACE,
    STRACE_PINNED,
    STRACE_SECCOMP,
    PERF,
    PERF_PINNED,
    BPFTRACE,
];
/// Calls that are counted.
const COUNTED: u64 = 10_000_000;
const PROGRAMS: &[&str] = &[UNTRACED, FLOOR, RSTRACE, STRACE, STRACE_PINNED, PERF];
const ONE_CPU: &[&str] = &[UNTRACED_PINNED, RSTRACE_PINNED, RSTRACE_STOPPED];
const WAKE_UPS: &[&str] = &["taskset", "-c", "0", "{fixtures}/wakeup_latency", "1000"];
const WAITS: &[&str] = &["{fixtures}/gate", "true"];

const fn looped(id: &'static str, title: &'static str, command: &'static [&'static str]) -> Workload {
    Workload {
        id,
        title,
        unit: CALLS,
        method: Method::Prints,
        command,
        needs: &[],
        follow: false,
        output: None,
        counts: (2_000, 5_000_000),
        seconds: 0.6,
        variants: LOOPS,
    }
}

const fn repeated(id: &'static str, title: &'static str, command: &'static [&'static str]) -> Workload {
    Workload {
        unit: RUNS,
        method: Method::Wall,
        follow: true,
        counts: (1, 1_000),
        seconds: 2.2,
        variants: PROGRAMS,
        ..looped(id, title, command)
    }
}

const fn latency(id: &'static str, title: &'static str, mark: &'static str) -> Workload {
    Workload {
        unit: Unit { name: "µs", size: 1e3, digits: 0 },
        method: Method::Latency(WAKE_UPS, mark),
        follow: true,
        output: Some("/dev/null"),
        counts: (1, 1),
        variants: ONE_CPU,
        ..looped(id, title, &["{fixtures}/call_storm", "8", "1000000000"])
    }
}

/// All of them, in the order of the page.
pub const ALL: &[Workload] = &[
    looped("getppid", "getppid in a loop", &["{fixtures}/getppid_loop", "{count}"]),
    Workload {
        method: Method::Counted("getppid"),
        counts: (COUNTED, COUNTED),
        variants: &[UNTRACED, FLOOR, RSTRACE_COUNT, RSTRACE_COUNT_WALL, RSTRACE_COUNT_ALONE],
        ..looped("count", "10 million getppid in a loop, counted", &["{fixtures}/getppid_loop", "{count}"])
    },
    looped("read1", "read of 1 byte in a loop", &["{fixtures}/io_loop", "{count}", "read", "1"]),
    looped("read32", "read of 32 bytes in a loop", &["{fixtures}/io_loop", "{count}", "read", "32"]),
    looped("write1", "write of 1 byte in a loop", &["{fixtures}/io_loop", "{count}", "write", "1"]),
    looped("open", "open and close in a loop", &["{fixtures}/open_close_loop", "{count}"]),
    Workload {
        unit: BLOCKS,
        method: Method::Wall,
        counts: (20_000, 500_000),
        seconds: 3.0,
        variants: &[
            UNTRACED,
            FLOOR,
            RSTRACE,
            RSTRACE_PINNED,
            RSTRACE_OPEN,
            STRACE,
            STRACE_PINNED,
            PERF,
            BPFTRACE,
        ],
        ..looped("dd", "dd bs=1 count=500k", &["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count={count}"])
    },
    repeated("find", "find over /usr", &["sh", "{scratch}/repeat", "{count}", "find", "/usr"]),
    repeated(
        "git",
        "git status",
        &[
            "sh",
            "{scratch}/repeat",
            "{count}",
            "git",
            "--no-optional-locks",
            "-C",
            "{scratch}/repository",
            "status",
        ],
    ),
    repeated(
        "compile",
        "compile of a C project",
        &["sh", "{scratch}/repeat", "{count}", "make", "-s", "-B", "-C", "{scratch}/project"],
    ),
    Workload {
        unit: REQUESTS,
        method: Method::Served(
            &["redis-benchmark", "-p", "{port}", "-t", "get", "-c", "8", "-n", "{count}", "--csv"],
            "\"GET\",\"",
        ),
        needs: &["redis-server", "redis-benchmark"],
        counts: (4_000, 10_000_000),
        ..repeated(
            "redis",
            "redis-server under redis-benchmark",
            &["redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--dir", "{scratch}"],
        )
    },
    Workload {
        unit: REQUESTS,
        method: Method::Served(
            &["wrk", "-t", "1", "-c", "8", "-d", "2", "http://127.0.0.1:{port}/index.html"],
            "Requests/sec:",
        ),
        needs: &["nginx", "wrk"],
        ..repeated(
            "nginx",
            "nginx under wrk",
            &["nginx", "-p", "{scratch}", "-c", "{scratch}/nginx.conf", "-g", "daemon off;"],
        )
    },
    Workload {
        method: Method::Wall,
        follow: true,
        output: Some("/dev/null"),
        counts: (1_000, 500_000),
        seconds: 3.0,
        variants: &[UNTRACED, FLOOR, RSTRACE, STRACE, STRACE_PINNED, PERF],
        unit: Unit { name: "ns per round of 8 threads, a call each", size: 1.0, digits: 0 },
        ..looped("storm", "8 threads into /dev/null", &["{fixtures}/call_storm", "8", "{count}"])
    },
    Workload {
        method: Method::Beside(&["{fixtures}/getppid_loop", "{count}"]),
        variants: &[UNTRACED, FLOOR, RSTRACE, RSTRACE_FOLLOW, RSTRACE_OPEN, STRACE, PERF, BPFTRACE],
        ..looped(
            "bystander",
            "getppid in a loop of a process that is not traced, while another one is",
            WAITS,
        )
    },
    Workload {
        unit: Unit { name: "ms", size: 1e6, digits: 1 },
        method: Method::Wall,
        counts: (1, 1),
        ..looped("startup", "start to end of /bin/true", &["/bin/true"])
    },
    Workload {
        unit: MEMORY,
        method: Method::Memory,
        counts: (1, 1),
        variants: &[FLOOR, RSTRACE, RSTRACE_FOLLOW, RSTRACE_OPEN, STRACE, PERF, BPFTRACE],
        ..looped(
            "memory",
            "peak memory of the tracer of a program that waits, less the buffers that the kernel writes to",
            WAITS,
        )
    },
    latency(
        "latency",
        "wake-up of another process on the CPU of 8 threads that are traced, median",
        "median-us",
    ),
    latency("latency99", "the same, 99th percentile", "p99-us"),
];

/// Whether a tracer stops at each call, or is about as slow.
pub fn is_slow(variant: &str) -> bool {
    [STRACE, STRACE_PINNED, STRACE_SECCOMP, PERF, PERF_PINNED, BPFTRACE].contains(&variant)
}

#[cfg(test)]
mod tests {
    use super::super::variants;
    use super::*;

    #[test]
    fn workloads_have_names_of_their_own_and_variants_that_exist() {
        for (index, workload) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|other| other.id != workload.id), "{}", workload.id);
            for name in workload.variants {
                assert!(variants::ALL.iter().any(|variant| variant.name == *name), "{name}");
            }
        }
    }
}
