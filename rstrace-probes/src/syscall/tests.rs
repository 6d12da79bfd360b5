//! The table against itself and against the kernel's numbers.

use std::collections::BTreeSet;

use rstrace_core::describe::{self, Limits};
use rstrace_core::event::Abi;
use rstrace_core::probe::{Ids, MAX_CAPTURES, What};

use super::manner::Fds;
use super::*;

const LIMITS: Limits = Limits::of_length(32);

#[test]
fn every_row_has_a_number_and_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for syscall in table::all() {
        assert!(numbers::exists(syscall.name), "{}", syscall.name);
        assert!(names.insert(syscall.name), "{} twice", syscall.name);
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn every_call_of_32_bit_programs_has_a_row() {
    let names = crate::uapi::numbers::COMPAT.iter().map(|(_, name)| *name);
    let missing: Vec<_> = names.filter(|name| find(name).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn calls_that_are_made_by_others_are_known_and_in_order() {
    for (name, indirect) in table::all().filter_map(|syscall| Some((syscall.name, syscall.indirect?))) {
        assert!(indirect.calls.is_sorted_by_key(|inner| inner.number), "{name}");
        let row =
            Row::new(find(name).expect("it has a row"), None, numbers::compat(name), Abi::Compat32, LIMITS);
        assert_eq!(row.inner.len(), indirect.calls.len(), "{name} means a call that has no row");
    }
}

#[test]
fn the_captures_of_a_row_fit() {
    for syscall in table::all() {
        for abi in [Abi::Native, Abi::Compat32] {
            let most =
                Limits { whole_lists: true, files: true, ids: Ids { comm: true, initial: true }, ..LIMITS };
            let (usual, variants) = Row::new(syscall, None, None, abi, most).captures();
            let others =
                variants.iter().flat_map(|variants| variants.captures.iter().map(|(_, captures)| captures));
            for captures in others.chain([&usual]) {
                // and who calls, and where
                assert!(captures.len() + 2 <= MAX_CAPTURES, "{}: {captures:?}", syscall.name);
            }
        }
    }
}

#[test]
fn cases_are_in_order() {
    for cases in table::all().filter_map(|syscall| Some((syscall.name, syscall.cases?.cases))) {
        assert!(cases.1.is_sorted_by_key(|case| case.value), "{}", cases.0);
    }
}

/// How many arguments strace 6.1 shows of a call that is interrupted by another thread's line, where that is the same
/// whatever the arguments are.
const SHOWN_AT_ENTRY: &[(usize, &str)] = &[
    (
        0,
        "adjtimex fork get_mempolicy getcpu getegid geteuid getgid getpgrp getpid getppid getresgid \
         getresuid gettid gettimeofday getuid munlockall pause pipe pipe2 rt_sigpending setsid sync time \
         times vhangup",
    ),
    (
        1,
        "alarm brk capget chdir chroot clock_adjtime clock_getres clock_gettime close dup epoll_create \
         epoll_create1 epoll_pwait epoll_pwait2 epoll_wait eventfd exit exit_group fdatasync flistxattr \
         fstat fstatfs fsync getgroups getitimer getpgid getrlimit getrusage getsid \
         io_destroy io_setup listxattr llistxattr lstat memfd_secret mlockall mq_timedreceive mq_unlink \
         msgrcv nanosleep personality pkey_free pread64 preadv preadv2 process_vm_readv read readv \
         recvfrom recvmmsg restart_syscall rmdir rt_sigreturn sched_get_priority_max \
         sched_get_priority_min sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval \
         sendmmsg set_thread_area setfsgid setfsuid setgid setuid shmdt sigaltstack stat statfs syncfs \
         timer_delete timer_getoverrun timer_gettime timerfd_gettime umask unlink unshare userfaultfd \
         ustat wait4",
    ),
    (
        2,
        "access capset chmod clock_settime clone creat eventfd2 fgetxattr flock fremovexattr ftruncate \
         getpriority getxattr io_cancel ioprio_get kill landlock_restrict_self lgetxattr \
         listen lremovexattr memfd_create mincore mkdir mlock mq_getsetattr mq_notify msgget munlock \
         munmap newfstatat pidfd_open pkey_alloc process_mrelease removexattr rt_sigaction rt_sigprocmask \
         rt_sigsuspend sched_getaffinity sched_setparam set_robust_list setgroups setitimer \
         setpgid setregid setreuid setrlimit settimeofday shutdown symlink timer_create timerfd_create \
         tkill truncate umount2 utime utimes",
    ),
    (
        3,
        "bind chown clock_nanosleep close_range connect dup3 execve faccessat fchmodat futimesat \
         io_getevents io_pgetevents io_submit ioprio_set landlock_create_ruleset lchown lseek madvise \
         mknodat mlock2 modify_ldt mprotect msync open_by_handle_at openat poll prlimit64 readahead \
         rt_sigqueueinfo sched_setaffinity sched_setscheduler semget semop sendmsg set_mempolicy \
         setpriority setresgid setresuid shmat shmget signalfd socket socketpair sysfs tgkill \
         timer_settime timerfd_settime unlinkat write writev",
    ),
    (
        4,
        "epoll_ctl epoll_ctl_old epoll_wait_old faccessat2 fadvise64 fallocate landlock_add_rule \
         migrate_pages move_pages msgsnd openat2 pidfd_send_signal pkey_mprotect pwrite64 pwritev \
         renameat rseq rt_tgsigqueueinfo semtimedop set_mempolicy_home_node signalfd4 statx \
         sync_file_range tee utimensat vmsplice",
    ),
    (
        5,
        "fsetxattr futex_waitv getpmsg lsetxattr mount mq_timedsend ppoll process_madvise putpmsg \
         pwritev2 remap_file_pages select setsockopt setxattr",
    ),
    (6, "copy_file_range io_uring_enter mbind mmap process_vm_writev pselect6 sendto splice"),
];

#[test]
fn what_is_known_at_the_entry_is_what_strace_shows_then() {
    let mut different = Vec::new();
    for (count, names) in SHOWN_AT_ENTRY {
        for name in names.split_ascii_whitespace() {
            let Some(syscall) = find(name) else { continue };
            let call = RawCall {
                pair: 0,
                name,
                nr: 0,
                abi: Abi::Native,
                entry_ns: None,
                args: [0; MAX_ARGS],
                end: End::Unfinished,
                memory: Default::default(),
                tid: 1,
            };
            let known = describe::known_at_entry(syscall.params, &call);
            if known != *count {
                different.push(format!("{name}: {known}, strace {count}"));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// What a way to be shown has for captures.
fn shown(name: &str, manner: Manner, dumps: &Dumps) -> (usize, Option<Variants>) {
    let probe = Described::only(&[name], LIMITS).shown(&|_, _| manner, dumps);
    let pair = probe.pairs().into_iter().next().expect("a pair");
    (pair.captures.len(), pair.variants)
}

#[test]
fn no_more_is_read_than_is_shown() {
    let usual = Manner { limits: LIMITS, raw: false };
    let none = Dumps::default();
    assert_eq!(shown("newfstatat", usual, &none).0, 2);
    // the path is shown in any case
    let addresses = Manner { limits: Limits { addresses: true, ..LIMITS }, raw: false };
    assert_eq!(shown("newfstatat", addresses, &none).0, 1);
    let raw = Manner { raw: true, ..usual };
    assert_eq!(shown("newfstatat", raw, &none), (0, None));
    // of a descriptor whose data is dumped all of it, of others what is shown
    let dumps = Dumps { written: Fds { inverted: false, numbers: vec![3, 5] }, ..Dumps::default() };
    let limit = |captures: &[Capture]| match captures {
        [Capture { what: What::Bytes { limit, .. }, .. }] => *limit,
        other => panic!("{other:?}"),
    };
    let pair = |dumps: &Dumps| {
        let probe = Described::only(&["write"], LIMITS).shown(&|_, _| usual, dumps);
        probe.pairs().into_iter().next().expect("a pair")
    };
    let own = pair(&dumps);
    let variants = own.variants.expect("by descriptor");
    assert_eq!((variants.arg, limit(&own.captures)), (0, 33));
    let whole: Vec<_> = variants.captures.iter().map(|(fd, captures)| (*fd, limit(captures))).collect();
    assert_eq!(whole, [(3, 1 << 20), (5, 1 << 20)]);
    let others = pair(&Dumps { written: Fds { inverted: true, numbers: vec![3] }, ..Dumps::default() });
    assert_eq!(limit(&others.captures), 1 << 20);
    assert_eq!(others.variants.map(|variants| limit(&variants.captures[0].1)), Some(33));
    assert_eq!(shown("read", usual, &dumps), shown("read", usual, &none));
}

#[test]
fn each_call_has_as_many_registers_as_the_kernel_gives_it() {
    for (name, count) in [("clone", 5), ("fcntl", 3), ("prctl", 5), ("mmap", 6), ("exit", 1), ("pread64", 4)]
    {
        let syscall = find(name).expect("it has a row");
        assert_eq!(syscall.registers(syscall.params, Abi::Native), count, "{name}");
    }
    let pread = find("pread64").expect("it has a row");
    assert_eq!(pread.registers(pread.params, Abi::Compat32), 5);
}
