//! The threads that are traced, found by their ids without hashing: the one of the last event first.

use rstrace_core::event::{Abi, Call, Event};

/// How long a thread is not asked for that was asked for and in no call, if no line waits for it: nanoseconds.
pub const AGAIN_NS: u64 = 50_000_000;

/// A thread that is traced.
#[derive(Debug, Clone, Copy)]
pub struct Thread {
    /// Its id.
    pub tid: u32,
    /// Its group, once that is known.
    pub tgid: Option<u32>,
    /// The ABI of its latest call.
    pub abi: Abi,
    /// Nothing of it is to come from before this time.
    pub heard_ns: u64,
    /// The call that it is in, if that was shown before its return.
    pub shown: Option<Shown>,
    /// When it was last asked in which call it is.
    pub asked_ns: u64,
}

impl Thread {
    /// A thread of which nothing is to come from before this time.
    pub fn new(tid: u32, abi: Abi, heard_ns: u64) -> Self {
        Self { tid, tgid: None, abi, heard_ns, shown: None, asked_ns: 0 }
    }
}

impl Thread {
    /// Takes what was shown of the call that returns, which was entered then. One from before the call that is shown
    /// may still come: that one goes on.
    pub fn returns(&mut self, entry_ns: Option<u64>) -> Option<Shown> {
        let is_earlier = |shown: Shown| entry_ns.zip(shown.entry_ns).is_some_and(|(own, later)| own < later);
        if self.shown.is_some_and(is_earlier) {
            return None;
        }
        self.shown.take().filter(|shown| shown.entry_ns == entry_ns)
    }
}

/// A call that was shown before its return.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// When it was entered; `None` if that was before tracing began.
    pub entry_ns: Option<u64>,
    /// How many of its arguments were shown.
    pub args: usize,
}

/// The threads, in ascending order of their ids.
#[derive(Debug, Default)]
pub struct Threads {
    threads: Vec<Thread>,
    /// Where the thread of the last event is.
    last: usize,
}

impl Threads {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.threads.len()
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Thread> {
        self.threads.iter()
    }

    /// Asks in which call threads are of which nothing has come up to `complete_ns`, up to which nothing is missing; those
    /// that were asked for already only `again_ns` later.
    pub fn ask(&mut self, complete_ns: u64, again_ns: u64, ask: &mut dyn FnMut(Option<u32>, u32)) {
        for thread in &mut self.threads {
            let is_silent = thread.shown.is_none() && thread.heard_ns < complete_ns;
            if is_silent && thread.asked_ns + again_ns <= complete_ns {
                thread.asked_ns = complete_ns;
                ask(thread.tgid, thread.tid);
            }
        }
    }

    /// Whether the call is to be shown that a thread is in, which is noted then: nothing is missing up to `complete_ns`.
    pub fn show(&mut self, event: &Event<'_>, call: &Call<'_>, complete_ns: u64) -> bool {
        let Some(thread) = self.get_mut(event.tid) else { return false };
        // of one from later on the calls before may still come; one from before tracing began is a thread's first
        let is_latest = match call.entry_ns {
            Some(entry) => (thread.heard_ns..=complete_ns).contains(&entry),
            None => thread.heard_ns == 0,
        };
        let is_shown = thread.shown.is_none() && is_latest;
        if is_shown {
            thread.tgid = Some(event.tgid);
            thread.shown = Some(Shown { entry_ns: call.entry_ns, args: call.at_entry });
        }
        is_shown
    }

    /// Where a thread is; if it is not there, where it belongs.
    fn place(&self, tid: u32) -> Result<usize, usize> {
        match self.threads.get(self.last) {
            Some(thread) if thread.tid == tid => Ok(self.last),
            _ => self.threads.binary_search_by_key(&tid, |thread| thread.tid),
        }
    }

    /// The thread with this id.
    pub fn get_mut(&mut self, tid: u32) -> Option<&mut Thread> {
        self.last = self.place(tid).ok()?;
        self.threads.get_mut(self.last)
    }

    /// Whether there is a thread with this id.
    pub fn contains(&self, tid: u32) -> bool {
        self.place(tid).is_ok()
    }

    /// The thread with this id, made if there was none.
    pub fn get_or_insert(&mut self, tid: u32, make: impl FnOnce() -> Thread) -> &mut Thread {
        let place = self.place(tid);
        let (Ok(at) | Err(at)) = place;
        if place.is_err() {
            self.threads.insert(at, make());
        }
        self.last = at;
        &mut self.threads[at]
    }

    /// Puts a thread in the place of another with the same id, if there is one; whether there was none.
    pub fn insert(&mut self, thread: Thread) -> bool {
        let place = self.place(thread.tid);
        match place {
            Ok(at) => self.threads[at] = thread,
            Err(at) => self.threads.insert(at, thread),
        }
        let (Ok(at) | Err(at)) = place;
        self.last = at;
        place.is_err()
    }

    /// Takes a thread out.
    pub fn remove(&mut self, tid: u32) -> Option<Thread> {
        let at = self.place(tid).ok()?;
        Some(self.threads.remove(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_shown_outlasts_the_returns_of_earlier_ones_only() {
        let mut thread = Thread::new(7, Abi::Native, 0);
        let shown = |entry_ns| Some(Shown { entry_ns, args: 1 });
        let entry = |shown: Option<Shown>| shown.map(|shown| shown.entry_ns);
        thread.shown = shown(Some(20));
        assert_eq!(entry(thread.returns(Some(10))), None);
        assert_eq!(entry(thread.returns(Some(20))), Some(Some(20)));
        assert!(thread.shown.is_none());
        // its return was lost
        thread.shown = shown(Some(20));
        assert_eq!(entry(thread.returns(Some(30))), None);
        assert!(thread.shown.is_none());
        // from before tracing began
        thread.shown = shown(None);
        assert_eq!(entry(thread.returns(None)), Some(None));
    }
}
