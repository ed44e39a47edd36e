//! Progress for a person who waits: a bar on a terminal, one plain line for each finished stage in a pipe.
//!
//! Come here when a long step should show how far it is. Everything goes to standard error, results never do.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::summary::grouped_count;

/// Where progress goes; one for the whole run.
pub(super) struct Progress {
    mode: Mode,
    current: Mutex<Option<Stage>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Quiet,
    Lines,
    Bars,
}

struct Stage {
    name: String,
    done: u64,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Bars when standard error is a terminal, lines when it is not, nothing when the user wants none.
    pub(super) fn new(quiet: bool) -> Self {
        let mode = match (quiet, io::stderr().is_terminal()) {
            (true, _) => Mode::Quiet,
            (false, true) => Mode::Bars,
            (false, false) => Mode::Lines,
        };
        Self { mode, current: Mutex::new(None) }
    }

    /// Says that `done` of `total` of a stage are done; a total of zero means that it is not known.
    /// Another name than before ends the stage before.
    pub(super) fn at(&self, name: &str, done: u64, total: u64) {
        if self.mode == Mode::Quiet {
            return;
        }
        let mut current = self.lock();
        if current.as_ref().is_none_or(|stage| stage.name != name) {
            self.end(current.take());
            *current = Some(self.begin(name, total));
        }
        if let Some(stage) = current.as_mut() {
            // Several threads tell; the one that is behind must not turn the bar back.
            stage.done = stage.done.max(done);
            if let Some(bar) = &stage.bar {
                if total > 0 {
                    bar.set_length(total);
                }
                bar.set_position(stage.done);
            }
        }
    }

    /// Ends the last stage.
    pub(super) fn finish(&self) {
        let last = self.lock().take();
        self.end(last);
    }

    /// A sentence that is no result and no failure, above the bar.
    pub(super) fn note(&self, text: &str) {
        if self.mode == Mode::Quiet {
            return;
        }
        let print = || drop(writeln!(io::stderr(), "{text}"));
        match self.lock().as_ref().and_then(|stage| stage.bar.as_ref()) {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn begin(&self, name: &str, total: u64) -> Stage {
        let bar = (self.mode == Mode::Bars).then(|| {
            let length = (total > 0).then_some(total);
            let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
            bar.set_style(style(length.is_some()));
            bar.set_message(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Stage { name: name.to_owned(), done: 0, started: Instant::now(), bar }
    }

    fn end(&self, stage: Option<Stage>) {
        let Some(stage) = stage else { return };
        if let Some(bar) = stage.bar {
            bar.finish_and_clear();
        }
        // Nobody may be listening; that stops no work.
        let _ = writeln!(io::stderr(), "{}", ended(&stage.name, stage.done, stage.started.elapsed()));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Stage>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ended(name: &str, done: u64, elapsed: Duration) -> String {
    format!("{name}: {} in {:.1} s", grouped_count(done), elapsed.as_secs_f64())
}

fn style(is_length_known: bool) -> ProgressStyle {
    let template = if is_length_known {
        "{msg:24} {bar:30} {human_pos}/{human_len}  {per_sec}, {eta} left"
    } else {
        "{msg:24} {spinner} {human_pos}  {per_sec}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::{Mode, Progress, ended, style};
    use std::sync::Mutex;
    use std::time::Duration;

    #[test]
    fn stages_follow_one_another() {
        for mode in [Mode::Quiet, Mode::Lines, Mode::Bars] {
            let progress = Progress { mode, current: Mutex::new(None) };
            progress.at("reading", 10, 0);
            progress.at("reading", 20, 40);
            progress.at("reading", 15, 40);
            assert!(progress.lock().as_ref().is_none_or(|stage| stage.done == 20));
            progress.note("half of it");
            progress.at("judging", 1, 2);
            let name = progress.lock().as_ref().map(|stage| (stage.name.clone(), stage.done));
            let expected = (mode != Mode::Quiet).then(|| ("judging".to_owned(), 1));
            assert_eq!(name, expected);
            progress.finish();
            assert!(progress.lock().is_none());
        }
        assert_eq!(ended("reading orders", 2000, Duration::from_millis(1540)), "reading orders: 2,000 in 1.5 s");
        let _ = (style(true), style(false));
    }
}
