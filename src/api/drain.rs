//! Ending well: the phases that a shutting-down server goes through, and how everything else learns of them.
//!
//! Come here for what happens when. Handlers end their streams in `Ending`; the guard ends what is left in `Cutting`;
//! connections that are still there are closed in `Over`. How long each phase lasts is in `serve`.

use tokio::sync::watch;

/// Where the server stands. Phases only go up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Phase {
    /// It serves.
    Serving,
    /// No new calls; streams end by themselves, with everything the client needs to come back.
    Ending,
    /// Calls that are still open are answered with "shutting down".
    Cutting,
    /// Connections that are still open are closed.
    Over,
}

/// Sets the phase.
#[derive(Debug)]
pub(super) struct DrainControl(watch::Sender<Phase>);

/// Learns of the phase.
#[derive(Clone, Debug)]
pub(super) struct Drain(watch::Receiver<Phase>);

impl DrainControl {
    /// A server that serves.
    pub(super) fn new() -> (Self, Drain) {
        let (sender, receiver) = watch::channel(Phase::Serving);
        (Self(sender), Drain(receiver))
    }

    /// Moves on to a phase.
    pub(super) fn enter(&self, phase: Phase) {
        self.0.send_if_modified(|current| {
            let is_later = phase > *current;
            *current = phase.max(*current);
            is_later
        });
    }
}

impl Drain {
    /// Waits until the phase is reached. A server that is gone has reached every phase.
    pub(super) async fn reached(&self, phase: Phase) {
        let mut receiver = self.0.clone();
        // An error means that the control is gone.
        let _ = receiver.wait_for(|current| *current >= phase).await;
    }

    /// Whether the phase is reached.
    pub(super) fn has_reached(&self, phase: Phase) -> bool {
        *self.0.borrow() >= phase || self.0.has_changed().is_err()
    }
}
