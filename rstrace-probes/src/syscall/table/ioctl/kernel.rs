//! What the kernel gives out descriptors for: performance events, seccomp's notifications, page faults, virtual
//! machines, watches.

use rstrace_core::describe::{
    Access, Case, Custom, Item, Length, Meaning, Nested, Object, Shape, Struct, Type, Width, field, hidden,
};
use rstrace_core::event::Value;
use rstrace_core::flags::FlagSet;

use super::{encoded, following, requests, two_parts};
use crate::syscall::table::errors::FAILURE;
use crate::syscall::table::open::OPEN_FLAGS;
use crate::syscall::table::perf::ATTRIBUTES;
use crate::syscall::table::ptrace::ARCHITECTURES;
use crate::syscall::types::*;

static PERF_FLAGS: FlagSet = set!("PERF_IOC_FLAG_???", PERF_IOC_FLAG_GROUP);

static ID: Type = U32;
static IDS: Type = Type::List(Access::Out, &ID, Length::Member(4));
static U32_TYPE: Type = U32;

/// `struct perf_event_query_bpf`: the programs follow.
static PROGRAMS: Type = Type::Custom(&Custom {
    size: 8,
    compat_size: 8,
    shape: Shape::Struct,
    parts: |query, _, emit| {
        emit(Item::member("ids_len", query.value_at(0, &U32_TYPE)));
        let Some(answer) = query.changed().filter(|_| query.call.succeeded()) else {
            return emit(Item::element(Value::More(None)));
        };
        emit(Item::member("prog_cnt", answer.value_at(4, &U32_TYPE)));
        let count = answer.number(4, Width::U32);
        emit(Item::member("ids", following(&answer, 8, count, &IDS)));
    },
    nested: &[Nested { offset: [8, 8], ty: Type::Following(&ID, Length::Member(4)) }],
});

static CONTINUE: FlagSet = set!("SECCOMP_USER_NOTIF_FLAG_???", SECCOMP_USER_NOTIF_FLAG_CONTINUE);
static ADDFD: FlagSet = set!("SECCOMP_ADDFD_FLAG_???", SECCOMP_ADDFD_FLAG_SETFD SECCOMP_ADDFD_FLAG_SEND);

/// `struct seccomp_data`.
static CALL: Struct = Struct::of(&[
    field("nr", UINT),
    field("arch", choice(&ARCHITECTURES)),
    field("instruction_pointer", Type::Number(Width::U64, Meaning::Address)),
    field("args", Type::Elements(&HEX64, 6)),
]);

/// `struct seccomp_notif`.
static NOTIFICATION: Type = Type::Struct(&Struct::of(&[
    field("id", HEX64),
    field("pid", PID),
    field("flags", HEX32),
    field("data", Type::Struct(&CALL)),
]));

/// `struct seccomp_notif_resp`.
static RESPONSE: Type = Type::Struct(&Struct::of(&[
    field("id", HEX64),
    field("val", I64),
    field("error", Type::Number(Width::U32, Meaning::Named(&FAILURE))),
    field("flags", flags(&CONTINUE)),
]));

/// `struct seccomp_notif_addfd`.
static ADD_FD: Type = Type::Struct(&Struct::of(&[
    field("id", HEX64),
    field("flags", flags(&ADDFD)),
    field("srcfd", FD),
    field("newfd", INT),
    field("newfd_flags", flags(&NEW_FD_FLAGS)),
]));
/// An access mode means nothing here.
static NEW_FD_FLAGS: FlagSet = FlagSet { choice: None, ..OPEN_FLAGS };

static FEATURES: FlagSet = set!("UFFD_FEATURE_???", UFFD_FEATURE_PAGEFAULT_FLAG_WP UFFD_FEATURE_EVENT_FORK
    UFFD_FEATURE_EVENT_REMAP UFFD_FEATURE_EVENT_REMOVE UFFD_FEATURE_MISSING_HUGETLBFS UFFD_FEATURE_MISSING_SHMEM
    UFFD_FEATURE_EVENT_UNMAP UFFD_FEATURE_SIGBUS UFFD_FEATURE_THREAD_ID UFFD_FEATURE_MINOR_HUGETLBFS
    UFFD_FEATURE_MINOR_SHMEM UFFD_FEATURE_EXACT_ADDRESS UFFD_FEATURE_WP_HUGETLBFS_SHMEM UFFD_FEATURE_WP_UNPOPULATED
    UFFD_FEATURE_POISON UFFD_FEATURE_WP_ASYNC UFFD_FEATURE_MOVE);
static REGISTER_MODE: FlagSet = set!("UFFDIO_REGISTER_MODE_???", UFFDIO_REGISTER_MODE_MISSING UFFDIO_REGISTER_MODE_WP
    UFFDIO_REGISTER_MODE_MINOR);
static COPY_MODE: FlagSet = set!("UFFDIO_COPY_???", UFFDIO_COPY_MODE_DONTWAKE UFFDIO_COPY_MODE_WP);
static ZERO_MODE: FlagSet = set!("UFFDIO_ZEROPAGE_???", UFFDIO_ZEROPAGE_MODE_DONTWAKE);

/// The requests of a descriptor as bits by their numbers.
macro_rules! request_bits {
    ($unknown:literal, $($name:ident)*) => {
        FlagSet {
            choice: None,
            names: &[$((1 << crate::uapi::$name, concat!("1<<", stringify!($name)))),*],
            unknown: $unknown,
        }
    };
}
static API_REQUESTS: FlagSet = request_bits!("_UFFDIO_???", _UFFDIO_REGISTER _UFFDIO_UNREGISTER _UFFDIO_API);
static RANGE_REQUESTS: FlagSet = request_bits!("UFFDIO_???", _UFFDIO_WAKE _UFFDIO_COPY _UFFDIO_ZEROPAGE
    _UFFDIO_WRITEPROTECT _UFFDIO_CONTINUE _UFFDIO_POISON);

/// `struct uffdio_range`.
const RANGE: Type = Type::Struct(&Struct::of(&[field("start", HEX64), field("len", HEX64)]));
static RANGE_TYPE: Type = RANGE;

macro_rules! members {
    ($($member:expr),*) => { Type::Struct(&Struct::of(&[$($member),*])) };
}
static API_FEATURES: Type = flags64(&FEATURES);
static API_IOCTLS: Type = flags64(&API_REQUESTS);
/// `struct uffdio_api`: asked for are some features, the answer is all that there are.
static API: Type = Type::Custom(&Custom {
    size: 24,
    compat_size: 24,
    shape: Shape::Struct,
    parts: |api, _, emit| {
        let features = api.value_at(8, &API_FEATURES);
        emit(Item::member("api", Value::Hex(api.number(0, Width::U64))));
        let Some(answer) = api.changed().filter(|_| api.call.succeeded()) else {
            return emit(Item::member("features", features));
        };
        if answer.number(8, Width::U64) == api.number(8, Width::U64) {
            emit(Item::member("features", features));
        } else {
            let given = Value::Object(Object { ty: &GIVEN_FEATURES, ..answer });
            emit(Item::member("features", Value::Change(&features, &given)));
        }
        emit(Item::member("ioctls", answer.value_at(16, &API_IOCTLS)));
    },
    nested: &[],
});
static GIVEN_FEATURES: Type = Type::Custom(&Custom {
    size: 24,
    compat_size: 24,
    shape: Shape::Bare,
    parts: |api, _, emit| emit(Item::member("features", api.value_at(8, &API_FEATURES))),
    nested: &[],
});

static REGISTER_BEFORE: Type =
    members!(field("range", RANGE), field("mode", flags64(&REGISTER_MODE)), hidden(U64));
static REGISTER_AFTER: Type = members!(hidden(RANGE), hidden(U64), field("ioctls", flags64(&RANGE_REQUESTS)));
/// `struct uffdio_register`.
static REGISTER: Type = two_parts!(32, Struct, extended, REGISTER_BEFORE, REGISTER_AFTER);

static COPY_BEFORE: Type = members!(
    field("dst", HEX64),
    field("src", HEX64),
    field("len", HEX64),
    field("mode", flags64(&COPY_MODE)),
    hidden(U64)
);
static COPY_AFTER: Type = members!(hidden(U64), hidden(U64), hidden(U64), hidden(U64), field("copy", HEX64));
/// `struct uffdio_copy`.
static COPY: Type = two_parts!(40, Struct, extended, COPY_BEFORE, COPY_AFTER);

static ZERO_BEFORE: Type = members!(field("range", RANGE), field("mode", flags64(&ZERO_MODE)), hidden(U64));
static ZERO_AFTER: Type = members!(hidden(RANGE), hidden(U64), field("zeropage", HEX64));
/// `struct uffdio_zeropage`.
static ZERO: Type = two_parts!(32, Struct, extended, ZERO_BEFORE, ZERO_AFTER);

static MEMORY_FLAGS: FlagSet = set!("KVM_MEM_???", KVM_MEM_LOG_DIRTY_PAGES KVM_MEM_READONLY);

/// `struct kvm_userspace_memory_region`.
static MEMORY_REGION: Type = Type::Struct(&Struct::of(&[
    field("slot", U32),
    field("flags", flags(&MEMORY_FLAGS)),
    field("guest_phys_addr", HEX64),
    field("memory_size", U64),
    field("userspace_addr", HEX64),
]));

/// What a notification is to be written into is zero; if it is not, that is shown.
static RECEIVED: Type = Type::Custom(&Custom {
    size: 80,
    compat_size: 80,
    shape: Shape::Bare,
    parts: |notification, verbose, emit| {
        let is_prepared = notification.bytes.iter().all(|byte| *byte == 0);
        let succeeded = notification.call.succeeded();
        match notification.changed().filter(|_| succeeded && is_prepared) {
            Some(after) => {
                let after = rstrace_core::describe::Object { ty: &NOTIFICATION, ..after };
                emit(Item::element(Value::Object(after)));
            }
            None if is_prepared => {}
            None => super::rewritten(notification, verbose, (&NOTIFICATION, &NOTIFICATION), emit),
        }
    },
    nested: &[],
});

pub const WATCHES: &[Case] = requests! {
    INOTIFY_IOC_SETNEXTWD: INT,
};

pub const REQUESTS: &[Case] = requests! {
    PERF_EVENT_IOC_ENABLE: flags(&PERF_FLAGS),
    PERF_EVENT_IOC_DISABLE: flags(&PERF_FLAGS),
    PERF_EVENT_IOC_REFRESH: INT,
    PERF_EVENT_IOC_RESET: flags(&PERF_FLAGS),
    PERF_EVENT_IOC_SET_OUTPUT: FD,
    KVM_CREATE_VCPU: U32,
    PERF_EVENT_IOC_SET_BPF: FD,
    PERF_EVENT_IOC_PAUSE_OUTPUT: ULONG,
    SECCOMP_IOCTL_NOTIF_ID_VALID: encoded(&HEX64),
    PERF_EVENT_IOC_PERIOD: encoded(&U64),
    PERF_EVENT_IOC_SET_FILTER: TEXT,
    SECCOMP_IOCTL_NOTIF_ADDFD: encoded(&ADD_FD),
    KVM_SET_USER_MEMORY_REGION: encoded(&MEMORY_REGION),
    PERF_EVENT_IOC_ID: encoded(&U64),
    PERF_EVENT_IOC_MODIFY_ATTRIBUTES: ATTRIBUTES,
    UFFDIO_UNREGISTER: input(&RANGE_TYPE),
    UFFDIO_WAKE: input(&RANGE_TYPE),
    PERF_EVENT_IOC_QUERY_BPF: encoded(&PROGRAMS),
    SECCOMP_IOCTL_NOTIF_SEND: input(&RESPONSE),
    UFFDIO_API: encoded(&API),
    UFFDIO_REGISTER: encoded(&REGISTER),
    UFFDIO_ZEROPAGE: encoded(&ZERO),
    UFFDIO_COPY: encoded(&COPY),
    SECCOMP_IOCTL_NOTIF_RECV: encoded(&RECEIVED),
};
