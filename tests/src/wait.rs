//! Waiting for a condition, with a deadline. No test sleeps for a fixed time and hopes.

use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. Emulated machines are 5 to 20 times slower.
pub fn limit() -> Duration {
    Duration::from_secs(if crate::in_vm() { 120 } else { 60 })
}

/// Asks again and again until there is an answer; fails the test when `limit` has passed.
#[track_caller]
pub fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
