//! Turns at work that only so many can do at a time: tenants take them one after the other.
//!
//! Come here for who is next. Within a tenant first come is first served; between tenants each is served once before one
//! is served twice, however many wait. How many may wait is `places`.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::identity::Tenant;

tokio::task_local! {
    /// Who reads, and by which turns: for whatever the handler of a call does itself.
    static READER: (Turns, Tenant);
}

/// Does the work of a call, in which reads take turns with those of other tenants.
pub(super) async fn reading_by_turns<T>(turns: Turns, tenant: Option<Tenant>, call: impl Future<Output = T>) -> T {
    match tenant {
        Some(tenant) => READER.scope((turns, tenant), call).await,
        None => call.await,
    }
}

/// A turn at reading, of the call at work; nothing outside of calls.
pub(super) async fn turn_to_read() -> Option<Turn> {
    let (turns, tenant) = READER.try_with(Clone::clone).ok()?;
    Some(turns.take(&tenant).await)
}

/// A number of turns at a time. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Mutex<Waiting>>);

#[derive(Debug)]
struct Waiting {
    /// Nobody waits while there are some.
    free: usize,
    /// Whoever waits, by tenant.
    tenants: BTreeMap<Tenant, VecDeque<oneshot::Sender<Turn>>>,
    /// Who was served last.
    last: Option<Tenant>,
}

/// A turn, which ends when it is dropped: then the next one has it.
#[derive(Debug)]
pub(super) struct Turn(Option<Turns>);

impl Turns {
    /// So many turns at a time.
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Mutex::new(Waiting { free: most.max(1), tenants: BTreeMap::new(), last: None })))
    }

    /// Waits for a turn of the tenant. Dropping this gives the place in the queue up.
    pub(super) async fn take(&self, tenant: &Tenant) -> Turn {
        let receiver = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.free > 0 {
                waiting.free -= 1;
                return Turn(Some(self.clone()));
            }
            let (sender, receiver) = oneshot::channel();
            waiting.forget_gone();
            waiting.tenants.entry(tenant.clone()).or_default().push_back(sender);
            receiver
        };
        // A sender is never dropped before it has sent: these turns are alive as long as `self` is.
        receiver.await.unwrap_or(Turn(None))
    }

    fn pass_on(&self) {
        loop {
            let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(next) = next else { return };
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // It has gone; its turn is the next one's.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

impl Waiting {
    /// Whoever has gone neither costs its tenant a turn nor makes the line longer than those who wait.
    fn forget_gone(&mut self) {
        self.tenants.retain(|_, queue| {
            queue.retain(|waiting| !waiting.is_closed());
            !queue.is_empty()
        });
    }

    /// Whose turn it is; where nobody waits, there is a turn more.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        self.forget_gone();
        let after = self.last.take().map_or(Bound::Unbounded, Bound::Excluded);
        let later = self.tenants.range((after, Bound::Unbounded)).next();
        let Some((tenant, _)) = later.or_else(|| self.tenants.iter().next()) else {
            self.free += 1;
            return None;
        };
        let tenant = tenant.clone();
        let next = self.tenants.get_mut(&tenant).and_then(VecDeque::pop_front);
        self.last = Some(tenant);
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::{Turn, Turns};
    use crate::identity::Tenant;

    type Coming<'a> = Pin<Box<dyn Future<Output = Turn> + 'a>>;

    fn poll(coming: &mut Coming<'_>) -> Option<Turn> {
        match coming.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    #[test]
    fn each_tenant_is_served_once_before_one_is_served_twice() {
        let turns = Turns::new(1);
        let tenants = ["alma", "alma", "alma", "birch", "cedar", "birch"].map(|name| Tenant::named(name).unwrap());
        let mut now = pin!(turns.take(&tenants[0]));
        let Poll::Ready(first) = now.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { panic!() };
        let mut coming: Vec<Coming<'_>> = tenants.iter().map(|tenant| Box::pin(turns.take(tenant)) as _).collect();
        assert!(coming.iter_mut().all(|coming| poll(coming).is_none()), "there is one turn at a time");
        // One of those who wait leaves; another leaves when its turn has come and it does not know yet.
        coming[1] = Box::pin(std::future::pending());
        let (mut served, mut turn) = (Vec::new(), Some(first));
        while let Some(ended) = turn.take() {
            drop(ended);
            for (place, coming) in coming.iter_mut().enumerate() {
                if served.contains(&place) || place == 1 {
                    continue;
                }
                if let Some(next) = poll(coming) {
                    served.push(place);
                    assert!(turn.replace(next).is_none(), "two at a time");
                }
            }
        }
        assert_eq!(served, [0, 3, 4, 2, 5]);
        assert!(poll(&mut (Box::pin(turns.take(&tenants[0])) as _)).is_some(), "the turn came back");
    }

    #[test]
    fn a_turn_that_nobody_takes_up_is_not_lost() {
        let turns = Turns::new(1);
        let tenant = Tenant::named("alma").unwrap();
        let first = poll(&mut (Box::pin(turns.take(&tenant)) as _)).unwrap();
        let mut gone: Coming<'_> = Box::pin(turns.take(&tenant));
        assert!(poll(&mut gone).is_none());
        drop(first);
        drop(gone);
        assert!(poll(&mut (Box::pin(turns.take(&tenant)) as _)).is_some());
    }
}
