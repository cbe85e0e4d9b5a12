//! Bytes that another process writes, read by a thread as they come, and a way to wait for them.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

/// Everything read so far from one source.
#[derive(Clone, Default)]
pub struct Collector(Arc<Shared>);

#[derive(Default)]
struct Shared {
    collected: Mutex<Collected>,
    changed: Condvar,
}

#[derive(Default)]
struct Collected {
    bytes: Vec<u8>,
    ended: bool,
}

impl Collector {
    /// Reads until the end, or an error: a terminal gives one when its last process has left.
    pub fn of(mut source: impl Read + Send + 'static) -> Self {
        let collector = Self::default();
        thread::spawn({
            let collector = collector.clone();
            move || {
                let mut buffer = [0; 8192];
                while let Ok(read @ 1..) = source.read(&mut buffer) {
                    collector.change(|collected| collected.bytes.extend_from_slice(&buffer[..read]));
                }
                collector.change(|collected| collected.ended = true);
            }
        });
        collector
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.collected.lock().expect("no reader panicked").bytes.clone()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// Waits for `text` at or after `from` and returns the position where it ends; `None` if the end or the
    /// deadline comes first.
    pub fn wait_for(&self, text: &str, from: usize, deadline: Instant) -> Option<usize> {
        self.wait(deadline, |collected| {
            let unseen = collected.bytes.get(from..)?;
            let start = unseen.windows(text.len()).position(|window| window == text.as_bytes());
            start.map(|start| Some(from + start + text.len())).or(collected.ended.then_some(None))
        })
        .flatten()
    }

    /// Waits for the end or the deadline.
    pub fn wait_for_end(&self, deadline: Instant) {
        self.wait(deadline, |collected| collected.ended.then_some(()));
    }

    fn change(&self, change: impl FnOnce(&mut Collected)) {
        change(&mut self.0.collected.lock().expect("no reader panicked"));
        self.0.changed.notify_all();
    }

    fn wait<T>(&self, deadline: Instant, done: impl Fn(&Collected) -> Option<T>) -> Option<T> {
        let mut collected = self.0.collected.lock().expect("no reader panicked");
        loop {
            if let Some(result) = done(&collected) {
                return Some(result);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            collected = self.0.changed.wait_timeout(collected, left).expect("no reader panicked").0;
        }
    }
}
