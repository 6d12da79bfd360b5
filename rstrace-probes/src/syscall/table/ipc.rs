//! Messages, semaphores and memory that processes share: of System V, and POSIX message queues.

use rstrace_core::describe::{
    Access, Case, Cases, Custom, Field, Indirect, Inner, Is, Item, Length, Meaning, Named, Param, Place,
    Shape, Struct, Syscall, Type, Width, Writer, field, hidden, param, param_if,
};
use rstrace_core::event::{Abi, Value};
use rstrace_core::flags::{Choices, FlagSet, Packed, PackedNumber};
use rstrace_core::probe::RawCall;

use super::open::OPEN_FLAGS;
use super::time::{SIGEVENT, TIMESPEC64};
use crate::syscall::classes::{DESC, IPC, MEMORY};
use crate::syscall::types::*;
use crate::uapi;

fn write_key(out: &mut Notation<'_>, key: u64) {
    match key {
        uapi::IPC_PRIVATE => out.extend_from_slice(b"IPC_PRIVATE"),
        _ => named::hex(out, key),
    }
}
const KEY: Type = Type::Number(Width::U32, Meaning::Named(&Named::hex(write_key)));

static GET: Packed = Packed { set: set!("", IPC_CREAT IPC_EXCL IPC_NOWAIT), numbers: &[PackedNumber::Mode] };
static SHMGET: Packed = Packed {
    set: set!("", IPC_CREAT IPC_EXCL SHM_HUGETLB SHM_NORESERVE),
    numbers: &[
        PackedNumber::Shifted {
            mask: uapi::SHM_HUGE_MASK << uapi::SHM_HUGE_SHIFT,
            shift: uapi::SHM_HUGE_SHIFT,
            name: "SHM_HUGE_SHIFT",
        },
        PackedNumber::Mode,
    ],
};
static MESSAGE_FLAGS: FlagSet = set!("MSG_???", MSG_NOERROR MSG_EXCEPT MSG_COPY IPC_NOWAIT);
static ATTACH_FLAGS: FlagSet = set!("SHM_???", SHM_RDONLY SHM_RND SHM_REMAP SHM_EXEC);
static SEMAPHORE_FLAGS: FlagSet = set!("SEM_???", SEM_UNDO IPC_NOWAIT);

static MESSAGE_COMMANDS: Choices =
    choices!("MSG_???", IPC_RMID IPC_SET IPC_STAT IPC_INFO MSG_STAT MSG_INFO MSG_STAT_ANY);
static SEMAPHORE_COMMANDS: Choices = choices!("SEM_???", IPC_RMID IPC_SET IPC_STAT IPC_INFO GETPID GETVAL GETALL
    GETNCNT GETZCNT SETVAL SETALL SEM_STAT SEM_INFO SEM_STAT_ANY);
static MEMORY_COMMANDS: Choices = choices!("SHM_???", IPC_RMID IPC_SET IPC_STAT IPC_INFO SHM_LOCK SHM_UNLOCK
    SHM_STAT SHM_INFO SHM_STAT_ANY);

/// A command, which may have the flag for structures of 64 bits: 32-bit programs set it.
fn write_command(out: &mut Notation<'_>, command: u64, commands: &Choices) {
    if command & uapi::IPC_64 != 0 {
        out.constant(|out| named::hex(out, uapi::IPC_64), |out| out.push_text("IPC_64"));
        out.push(b'|');
    }
    commands.write(out, command & !uapi::IPC_64);
}
const MESSAGE_COMMAND: Type = command(|out, command| write_command(out, command, &MESSAGE_COMMANDS));
const SEMAPHORE_COMMAND: Type = command(|out, command| write_command(out, command, &SEMAPHORE_COMMANDS));
const MEMORY_COMMAND: Type = command(|out, command| write_command(out, command, &MEMORY_COMMANDS));

const fn command(write: Writer) -> Type {
    Type::Number(Width::U32, Meaning::Written(write))
}

/// Whether a structure is only what `IPC_SET` reads of it.
fn is_set(call: &RawCall<'_>) -> bool {
    let command = call.args[if call.name == "semctl" { 2 } else { 1 }];
    command & !uapi::IPC_64 == uapi::IPC_SET
}

/// A member that `IPC_SET` does not read.
const fn told(name: &'static str, ty: Type) -> Field {
    field(name, ty).only_if(|object| !is_set(object.call))
}

const MODE32: Type = Type::Number(Width::U32, Meaning::Mode);

/// `struct ipc64_perm`.
static PERMISSIONS: Struct = Struct::of(&[
    told("key", UINT),
    field("uid", ID),
    field("gid", ID),
    told("cuid", ID),
    told("cgid", ID),
    field("mode", MODE32),
    hidden(U32),
    hidden(ULONG),
    hidden(ULONG),
])
.in_order(&[1, 2, 5, 0, 3, 4])
.with_compat(&COMPAT_PERMISSIONS);
static COMPAT_PERMISSIONS: Struct = Struct::of(&[
    told("key", UINT),
    field("uid", ID),
    field("gid", ID),
    told("cuid", ID),
    told("cgid", ID),
    field("mode", MODE),
    hidden(U16),
    hidden(U32),
    hidden(ULONG),
    hidden(ULONG),
])
.in_order(&[1, 2, 5, 0, 3, 4]);

/// `struct msqid64_ds`.
static QUEUE: Type = Type::Struct(
    &Struct::of(&[
        field("msg_perm", Type::Struct(&PERMISSIONS)),
        told("msg_stime", ULONG),
        told("msg_rtime", ULONG),
        told("msg_ctime", ULONG),
        hidden(ULONG),
        told("msg_qnum", ULONG),
        field("msg_qbytes", ULONG),
        told("msg_lspid", INT),
        told("msg_lrpid", INT),
        hidden(ULONG),
        hidden(ULONG),
    ])
    .with_compat(&COMPAT_QUEUE),
);
static COMPAT_QUEUE: Struct = Struct::of(&[
    field("msg_perm", Type::Struct(&PERMISSIONS)),
    told("msg_stime", ULONG),
    hidden(ULONG),
    told("msg_rtime", ULONG),
    hidden(ULONG),
    told("msg_ctime", ULONG),
    hidden(ULONG),
    hidden(ULONG),
    told("msg_qnum", ULONG),
    field("msg_qbytes", ULONG),
    told("msg_lspid", INT),
    told("msg_lrpid", INT),
    hidden(ULONG),
    hidden(ULONG),
]);

/// `struct msginfo`.
static MESSAGE_LIMITS: Type = Type::Struct(&Struct::of(&[
    field("msgpool", INT),
    field("msgmap", INT),
    field("msgmax", INT),
    field("msgmnb", INT),
    field("msgmni", INT),
    field("msgssz", INT),
    field("msgtql", INT),
    field("msgseg", U16),
]));

/// `struct semid64_ds`: in each ABI two words for a time.
static SEMAPHORES: Type = Type::Struct(&Struct::of(&[
    field("sem_perm", Type::Struct(&PERMISSIONS)),
    told("sem_otime", ULONG),
    hidden(ULONG),
    told("sem_ctime", ULONG),
    hidden(ULONG),
    told("sem_nsems", ULONG),
    hidden(ULONG),
    hidden(ULONG),
]));

/// `struct seminfo`.
static SEMAPHORE_LIMITS: Type = Type::Struct(&Struct::of(&[
    field("semmap", INT),
    field("semmni", INT),
    field("semmns", INT),
    field("semmnu", INT),
    field("semmsl", INT),
    field("semopm", INT),
    field("semume", INT),
    field("semusz", INT),
    field("semvmx", INT),
    field("semaem", INT),
]));

/// `struct sembuf`.
static OPERATION: Type = Type::Struct(&Struct::of(&[
    field("sem_num", U16),
    field("sem_op", I16),
    field("sem_flg", flags16(&SEMAPHORE_FLAGS)),
]));

/// `struct shmid64_ds`.
static SEGMENT: Type = Type::Struct(
    &Struct::of(&[
        field("shm_perm", Type::Struct(&PERMISSIONS)),
        told("shm_segsz", SIZE),
        told("shm_atime", ULONG),
        told("shm_dtime", ULONG),
        told("shm_ctime", ULONG),
        told("shm_cpid", PID),
        told("shm_lpid", PID),
        told("shm_nattch", ULONG),
        hidden(ULONG),
        hidden(ULONG),
    ])
    .in_order(&[0, 1, 5, 6, 7, 2, 3, 4])
    .with_compat(&COMPAT_SEGMENT),
);
static COMPAT_SEGMENT: Struct = Struct::of(&[
    field("shm_perm", Type::Struct(&PERMISSIONS)),
    told("shm_segsz", SIZE),
    told("shm_atime", ULONG),
    hidden(ULONG),
    told("shm_dtime", ULONG),
    hidden(ULONG),
    told("shm_ctime", ULONG),
    hidden(ULONG),
    told("shm_cpid", PID),
    told("shm_lpid", PID),
    told("shm_nattch", ULONG),
    hidden(ULONG),
    hidden(ULONG),
])
.in_order(&[0, 1, 8, 9, 10, 2, 4, 6]);

/// `struct shminfo64`.
static MEMORY_LIMITS: Type = Type::Struct(&Struct::of(&[
    field("shmmax", ULONG),
    field("shmmin", ULONG),
    field("shmmni", ULONG),
    field("shmseg", ULONG),
    field("shmall", ULONG),
    hidden(ULONG),
    hidden(ULONG),
    hidden(ULONG),
    hidden(ULONG),
]));

/// `struct shm_info`.
static MEMORY_USE: Type = Type::Struct(&Struct::of(&[
    field("used_ids", INT),
    field("shm_tot", ULONG),
    field("shm_rss", ULONG),
    field("shm_swp", ULONG),
    field("swap_attempts", ULONG),
    field("swap_successes", ULONG),
]));

/// `struct msgbuf`: its text has the length that an argument says.
static MESSAGE: Type = Type::Custom(&Custom {
    size: 0,
    compat_size: 0,
    shape: Shape::Struct,
    parts: |message, _, emit| {
        let word = if message.call.abi == Abi::Native { 8 } else { 4 };
        let Some(bytes) = message.bytes.get(word..).filter(|_| !message.unreadable) else { return };
        emit(Item::member("mtype", Value::Int(message.number(0, Width::SignedWord) as i64)));
        let more = (message.bytes.len() as u64) < message.count;
        emit(Item::member("mtext", Value::Text { bytes, more, whole: false }));
    },
    nested: &[],
});

/// `struct mq_attr`; a queue that is made has no flags yet.
const fn attributes(mq_flags: Type) -> [Field; 8] {
    [
        field("mq_flags", mq_flags),
        field("mq_maxmsg", LONG),
        field("mq_msgsize", LONG),
        field("mq_curmsgs", LONG),
        hidden(LONG),
        hidden(LONG),
        hidden(LONG),
        hidden(LONG),
    ]
}
static MADE: Type = Type::Struct(&Struct::of(&attributes(HEX)));
static ATTRIBUTES: Type = Type::Struct(&Struct::of(&attributes(long_flags(&QUEUE_FLAGS))));
static QUEUE_FLAGS: FlagSet = set!("O_???", O_NONBLOCK);

fn makes_queue(call: &RawCall<'_>) -> bool {
    call.args[1] & uapi::O_CREAT != 0
}

static PRIORITY: Type = UINT;

const fn case(value: u64, params: &'static [Param]) -> Case {
    Case { value: value as u32, params, result: None }
}

// What the commands take, and with the flag.
macro_rules! cases {
    ($($name:ident $params:expr;)*) => {
        &[$(case(uapi::$name, $params),)* $(case(uapi::$name | uapi::IPC_64, $params),)*]
    };
}

const MSQID: Param = param("msqid", INT);
const MSG_OP: Param = param("op", MESSAGE_COMMAND);
const MSG_OUT: &[Param] = &[MSQID, MSG_OP, param("buf", output(&QUEUE))];
const MSG_IN: &[Param] = &[MSQID, MSG_OP, param("buf", input(&QUEUE))];
const MSG_LIMITS: &[Param] = &[MSQID, MSG_OP, param("buf", output(&MESSAGE_LIMITS))];

const SEMID: Param = param("semid", INT);
const SEMNUM: Param = param("semnum", INT);
const SEM_OP: Param = param("op", SEMAPHORE_COMMAND);
const SEM_OUT: &[Param] = &[SEMID, SEMNUM, SEM_OP, param("arg", output(&SEMAPHORES))];
const SEM_IN: &[Param] = &[SEMID, SEMNUM, SEM_OP, param("arg", input(&SEMAPHORES))];
const SEM_LIMITS: &[Param] = &[SEMID, SEMNUM, SEM_OP, param("arg", output(&SEMAPHORE_LIMITS))];

const SHMID: Param = param("shmid", INT);
const SHM_OP: Param = param("op", MEMORY_COMMAND);
const SHM_OUT: &[Param] = &[SHMID, SHM_OP, param("buf", output(&SEGMENT))];
const SHM_IN: &[Param] = &[SHMID, SHM_OP, param("buf", input(&SEGMENT))];

const MESSAGE_LENGTH: Param = param("msgsz", SIZE);
const MESSAGE_FLAG: Param = param("msgflg", flags(&MESSAGE_FLAGS));
const SOPS: Param = param("sops", Type::List(Access::In, &OPERATION, Length::Arg(2)));
const MQDES: Param = param("mqdes", FD);
const TIMED_MESSAGE: [Param; 3] =
    [param("msg_ptr", data_in(2)), param("msg_len", SIZE), param("msg_prio", UINT)];

/// `65535<<16|5`: the version of a call, if it says one, and its number.
fn write_ipc_call(out: &mut Notation<'_>, call: u64) {
    let text = match call >> 16 {
        0 => format!("{call}"),
        version => format!("{version}<<16|{}", call & 0xffff),
    };
    out.extend_from_slice(text.as_bytes());
}

const IPC_WORDS: &[Param] = &[
    param("call", Type::Number(Width::U32, Meaning::Written(write_ipc_call))),
    param("first", HEX),
    param("second", HEX),
    param("third", HEX),
    param("ptr", HEX),
    param("fifth", HEX),
];

/// What 32-bit programs make by `ipc`. Of any version but 0 the calls are the same: `msgrcv` has its type in a
/// register, not in memory beside the address of the message.
static BY_NUMBER: Indirect = Indirect {
    number: Some(|call| if call >> 16 == 0 { call } else { NEWER | call & 0xffff }),
    calls: &[
        made(uapi::SEMOP, Is::Named("semop"), &[FIRST, PTR, SECOND]),
        made(uapi::SEMGET, Is::Named("semget"), &[FIRST, SECOND, THIRD]),
        made(uapi::SEMCTL, Is::Own(&POINTED_SEMCTL), &[FIRST, SECOND, THIRD, PTR, BEHIND_PTR[0]]),
        made(uapi::SEMTIMEDOP, Is::Named("semtimedop"), &[FIRST, PTR, SECOND, FIFTH]),
        made(uapi::MSGSND, Is::Named("msgsnd"), &[FIRST, PTR, SECOND, THIRD]),
        made(uapi::MSGRCV, Is::Named("msgrcv"), &[FIRST, BEHIND_PTR[0], SECOND, BEHIND_PTR[1], THIRD]),
        made(uapi::MSGGET, Is::Named("msgget"), &[FIRST, SECOND]),
        made(uapi::MSGCTL, Is::Own(&OLD_MSGCTL), &[FIRST, SECOND, PTR]),
        Inner { result: Some(3), ..made(uapi::SHMAT, Is::Named("shmat"), &[FIRST, PTR, SECOND]) },
        made(uapi::SHMDT, Is::Named("shmdt"), &[PTR]),
        made(uapi::SHMGET, Is::Named("shmget"), &[FIRST, SECOND, THIRD]),
        made(uapi::SHMCTL, Is::Own(&OLD_SHMCTL), &[FIRST, SECOND, PTR]),
        newer(uapi::SEMOP, Is::Named("semop"), &[FIRST, PTR, SECOND]),
        newer(uapi::SEMGET, Is::Named("semget"), &[FIRST, SECOND, THIRD]),
        newer(uapi::SEMCTL, Is::Own(&POINTED_SEMCTL), &[FIRST, SECOND, THIRD, PTR, BEHIND_PTR[0]]),
        newer(uapi::SEMTIMEDOP, Is::Named("semtimedop"), &[FIRST, PTR, SECOND, FIFTH]),
        newer(uapi::MSGSND, Is::Named("msgsnd"), &[FIRST, PTR, SECOND, THIRD]),
        newer(uapi::MSGRCV, Is::Named("msgrcv"), &[FIRST, PTR, SECOND, FIFTH, THIRD]),
        newer(uapi::MSGGET, Is::Named("msgget"), &[FIRST, SECOND]),
        newer(uapi::MSGCTL, Is::Own(&OLD_MSGCTL), &[FIRST, SECOND, PTR]),
        newer(uapi::SHMAT, Is::Named("shmat"), &[FIRST, PTR, SECOND]),
        newer(uapi::SHMDT, Is::Named("shmdt"), &[PTR]),
        newer(uapi::SHMGET, Is::Named("shmget"), &[FIRST, SECOND, THIRD]),
        newer(uapi::SHMCTL, Is::Own(&OLD_SHMCTL), &[FIRST, SECOND, PTR]),
    ],
    unknown: IPC_WORDS,
};

/// Where the versions are told that are not 0.
const NEWER: u32 = 1 << 16;

const FIRST: Place = Place::Register(1);
const SECOND: Place = Place::Register(2);
const THIRD: Place = Place::Register(3);
const PTR: Place = Place::Register(4);
const FIFTH: Place = Place::Register(5);
const BEHIND_PTR: [Place; 2] = words_behind(4);

const fn made(number: u64, call: Is, args: &'static [Place]) -> Inner {
    Inner { number: number as u32, call, args, result: None }
}

const fn newer(number: u64, call: Is, args: &'static [Place]) -> Inner {
    made(number | NEWER as u64, call, args)
}

/// What the commands take that have the flag: without it the structures of `ipc` are older ones.
macro_rules! newer_cases {
    ($($name:ident $params:expr;)*) => {
        Some(&Cases { arg: COMMAND, cases: &[$(case(uapi::$name | uapi::IPC_64, $params),)*] })
    };
}

static OLD_MSGCTL: Syscall = {
    const COMMAND: u8 = 1;
    Syscall {
        cases: newer_cases! {
            IPC_SET MSG_IN;
            IPC_STAT MSG_OUT;
            MSG_STAT MSG_OUT;
            MSG_STAT_ANY MSG_OUT;
        },
        ..call("msgctl", IPC, &[MSQID, MSG_OP, param("buf", ADDRESS)], RET_INT)
    }
};

static OLD_SHMCTL: Syscall = {
    const COMMAND: u8 = 1;
    Syscall {
        cases: newer_cases! {
            IPC_SET SHM_IN;
            IPC_STAT SHM_OUT;
            SHM_STAT SHM_OUT;
            SHM_STAT_ANY SHM_OUT;
        },
        ..call("shmctl", IPC, &[SHMID, SHM_OP, param("buf", ADDRESS)], RET_INT)
    }
};

/// The last argument is behind an address, and may itself be one: the fifth is what is there.
static POINTED_SEMCTL: Syscall = {
    const COMMAND: u8 = 2;
    const STAT: &[Param] = &[SEMID, SEMNUM, SEM_OP, param("arg", output(&SEMAPHORES)).in_register(4, 4)];
    const SET: &[Param] = &[SEMID, SEMNUM, SEM_OP, param("arg", input(&SEMAPHORES)).in_register(4, 4)];
    Syscall {
        cases: newer_cases! {
            IPC_SET SET;
            IPC_STAT STAT;
            SEM_STAT STAT;
            SEM_STAT_ANY STAT;
        },
        ..call("semctl", IPC, &[SEMID, SEMNUM, SEM_OP, param("arg", input(&ADDRESS_THERE))], RET_INT)
    }
};
static ADDRESS_THERE: Type = ADDRESS;

pub static SYSCALLS: &[Syscall] = &[
    call(
        "msgget",
        IPC,
        &[param("key", KEY), param("msgflg", Type::Number(Width::U32, Meaning::Packed(&GET)))],
        RET_INT,
    ),
    call(
        "msgsnd",
        IPC,
        &[
            MSQID,
            param("msgp", Type::Sized(Access::In, &MESSAGE, Length::LongAndArg(2))),
            MESSAGE_LENGTH,
            MESSAGE_FLAG,
        ],
        RET_INT,
    ),
    call(
        "msgrcv",
        IPC,
        &[
            MSQID,
            param("msgp", Type::Sized(Access::Out, &MESSAGE, Length::LongAndArg(2))),
            MESSAGE_LENGTH,
            param("msgtyp", LONG),
            MESSAGE_FLAG,
        ],
        RET_LONG,
    ),
    Syscall {
        cases: Some(&Cases {
            arg: 1,
            cases: cases! {
                IPC_SET MSG_IN;
                IPC_STAT MSG_OUT;
                IPC_INFO MSG_LIMITS;
                MSG_STAT MSG_OUT;
                MSG_INFO MSG_LIMITS;
                MSG_STAT_ANY MSG_OUT;
            },
        }),
        ..call("msgctl", IPC, &[MSQID, MSG_OP, param("buf", ADDRESS)], RET_INT)
    },
    call(
        "semget",
        IPC,
        &[
            param("key", KEY),
            param("nsems", INT),
            param("semflg", Type::Number(Width::U32, Meaning::Packed(&GET))),
        ],
        RET_INT,
    ),
    call("semop", IPC, &[SEMID, SOPS, param("nsops", UINT)], RET_INT),
    call(
        "semtimedop",
        IPC,
        &[SEMID, SOPS, param("nsops", UINT), param("timeout", input(&TIMESPEC))],
        RET_INT,
    ),
    call(
        "semtimedop_time64",
        IPC,
        &[SEMID, SOPS, param("nsops", UINT), param("timeout", input(&TIMESPEC64))],
        RET_INT,
    ),
    Syscall {
        cases: Some(&Cases {
            arg: 2,
            cases: cases! {
                IPC_SET SEM_IN;
                IPC_STAT SEM_OUT;
                IPC_INFO SEM_LIMITS;
                SEM_STAT SEM_OUT;
                SEM_INFO SEM_LIMITS;
                SEM_STAT_ANY SEM_OUT;
            },
        }),
        ..call("semctl", IPC, &[SEMID, SEMNUM, SEM_OP, param("arg", ADDRESS)], RET_INT)
    },
    call(
        "shmget",
        IPC,
        &[
            param("key", KEY),
            param("size", SIZE),
            param("shmflg", Type::Number(Width::U32, Meaning::Packed(&SHMGET))),
        ],
        RET_INT,
    ),
    call(
        "shmat",
        IPC | MEMORY,
        &[SHMID, param("shmaddr", ADDRESS), param("shmflg", flags(&ATTACH_FLAGS))],
        RET_ADDRESS,
    ),
    call("shmdt", IPC | MEMORY, &[param("shmaddr", ADDRESS)], RET_INT),
    Syscall {
        cases: Some(&Cases {
            arg: 1,
            cases: cases! {
                IPC_SET SHM_IN;
                IPC_STAT SHM_OUT;
                IPC_INFO &[SHMID, SHM_OP, param("buf", output(&MEMORY_LIMITS))];
                SHM_STAT SHM_OUT;
                SHM_INFO &[SHMID, SHM_OP, param("buf", output(&MEMORY_USE))];
                SHM_STAT_ANY SHM_OUT;
            },
        }),
        ..call("shmctl", IPC, &[SHMID, SHM_OP, param("buf", ADDRESS)], RET_INT)
    },
    // of 32-bit programs: all of the above by a number
    call("ipc", IPC, IPC_WORDS, RET_LONG).with_compat(&BY_NUMBER),
    call(
        "mq_open",
        DESC,
        &[
            param("name", PATH),
            param("oflag", flags(&OPEN_FLAGS)),
            param_if("mode", MODE, makes_queue),
            param_if("attr", input(&MADE), makes_queue),
        ],
        RET_FD,
    ),
    call("mq_unlink", 0, &[param("name", PATH)], RET_INT),
    call(
        "mq_timedsend",
        DESC,
        &[
            MQDES,
            TIMED_MESSAGE[0],
            TIMED_MESSAGE[1],
            TIMED_MESSAGE[2],
            param("abs_timeout", input(&TIMESPEC)),
        ],
        RET_INT,
    ),
    call(
        "mq_timedsend_time64",
        DESC,
        &[
            MQDES,
            TIMED_MESSAGE[0],
            TIMED_MESSAGE[1],
            TIMED_MESSAGE[2],
            param("abs_timeout", input(&TIMESPEC64)),
        ],
        RET_INT,
    ),
    call(
        "mq_timedreceive",
        DESC,
        &[
            MQDES,
            param("msg_ptr", DATA_OUT),
            param("msg_len", SIZE),
            param("msg_prio", output(&PRIORITY)),
            param("abs_timeout", input(&TIMESPEC)),
        ],
        RET_LONG,
    ),
    call(
        "mq_timedreceive_time64",
        DESC,
        &[
            MQDES,
            param("msg_ptr", DATA_OUT),
            param("msg_len", SIZE),
            param("msg_prio", output(&PRIORITY)),
            param("abs_timeout", input(&TIMESPEC64)),
        ],
        RET_LONG,
    ),
    call("mq_notify", DESC, &[MQDES, param("sevp", input(&SIGEVENT))], RET_INT),
    call(
        "mq_getsetattr",
        DESC,
        &[MQDES, param("newattr", input(&ATTRIBUTES)), param("oldattr", output(&ATTRIBUTES))],
        RET_INT,
    ),
];
