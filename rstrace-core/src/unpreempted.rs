//! Map look-ups and updates that hide no call.
//!
//! While a system call of ours looks something up in a map or changes it, the kernel runs no kprobe or classic
//! tracepoint program on that CPU (`bpf_disable_instrumentation`), and where the kernel can be preempted meanwhile, that
//! is for as long as others take the CPU: all calls that they make are missed. So nobody takes it.

/// Until it is dropped, the thread that made it yields its CPU to no thread of the usual scheduling classes. Without the
/// privilege, and for a thread that is in another class, nothing changes.
#[derive(Debug)]
pub(crate) struct Unpreempted {
    /// The class to go back to.
    before: Option<i32>,
}

impl Unpreempted {
    /// From here on.
    pub(crate) fn new() -> Self {
        // SAFETY: asks for a number.
        let before = unsafe { libc::sched_getscheduler(0) };
        let usual = matches!(before & !libc::SCHED_RESET_ON_FORK, libc::SCHED_OTHER | libc::SCHED_BATCH);
        Self { before: (usual && set(libc::SCHED_FIFO, 1)).then_some(before) }
    }
}

impl Drop for Unpreempted {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            set(before, 0);
        }
    }
}

/// Puts the calling thread into a scheduling class; whether that was allowed.
fn set(class: i32, sched_priority: i32) -> bool {
    // SAFETY: a structure of plain numbers that is read during the call.
    unsafe { libc::sched_setscheduler(0, class, &libc::sched_param { sched_priority }) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class() -> i32 {
        // SAFETY: asks for a number.
        unsafe { libc::sched_getscheduler(0) }
    }

    #[test]
    fn the_class_is_as_before_afterwards() {
        assert_eq!(class(), libc::SCHED_OTHER);
        let guard = Unpreempted::new();
        if guard.before.is_none() {
            println!("SKIP: no privilege for real-time scheduling");
            return;
        }
        assert_eq!(class(), libc::SCHED_FIFO);
        drop(guard);
        assert_eq!(class(), libc::SCHED_OTHER);
    }
}
