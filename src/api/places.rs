//! Places that tenants share: nobody can take them all.
//!
//! Come here for how much one tenant may have open or under way at a time. A tenant gets a place as long as it holds
//! fewer than three times as many as are left free. Alone it comes to three quarters of them, two that want everything
//! come to three sevenths each; whoever comes next always finds some. Who waits for a place gets it in the order of coming
//! among its tenant's. Whose turn it is, is `turns`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::identity::Tenant;

/// How many times as many places as are left free a tenant may hold.
const HELD_PER_FREE: usize = 3;

/// A number of places. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    taken: Mutex<Taken>,
    /// Told whenever a place is given back.
    freed: Notify,
}

#[derive(Debug)]
struct Taken {
    free: usize,
    /// Only tenants that hold some: never more rows than places.
    held: HashMap<Tenant, usize>,
    /// Where those of a tenant that wait stand in line; only tenants of whom somebody does. The lock is a fair one.
    lines: HashMap<Tenant, Arc<tokio::sync::Mutex<()>>>,
}

/// Who stands in line; leaves it when dropped.
struct Standing<'p> {
    places: &'p Places,
    tenant: &'p Tenant,
    line: Arc<tokio::sync::Mutex<()>>,
}

/// One of the places, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    tenant: Tenant,
}

impl Places {
    /// So many places, none of them taken.
    pub(super) fn new(most: usize) -> Self {
        let taken = Taken { free: most, held: HashMap::new(), lines: HashMap::new() };
        Self(Arc::new(Shared { taken: Mutex::new(taken), freed: Notify::new() }))
    }

    /// A place for a tenant, as soon as there is one and those of the tenant that came before have theirs. Dropping this
    /// leaves the line.
    pub(super) async fn wait(&self, tenant: &Tenant) -> Place {
        let line = Arc::clone(self.lock().lines.entry(tenant.clone()).or_default());
        let standing = Standing { places: self, tenant, line };
        let _first = standing.line.lock().await;
        loop {
            let mut freed = std::pin::pin!(self.0.freed.notified());
            freed.as_mut().enable();
            if let Some(place) = self.take(tenant) {
                return place;
            }
            freed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a tenant, or nothing when it has to wait for one.
    pub(super) fn take(&self, tenant: &Tenant) -> Option<Place> {
        let mut taken = self.lock();
        let held = taken.held.get(tenant).copied().unwrap_or(0);
        if taken.free == 0 || held >= HELD_PER_FREE * taken.free {
            return None;
        }
        taken.free -= 1;
        *taken.held.entry(tenant.clone()).or_insert(0) += 1;
        Some(Place { places: self.clone(), tenant: tenant.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.free += 1;
        if let Some(held) = taken.held.get_mut(&self.tenant) {
            *held -= 1;
            if *held == 0 {
                taken.held.remove(&self.tenant);
            }
        }
        drop(taken);
        self.places.0.freed.notify_waiters();
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        // The table's and this one: nobody else stands there.
        if Arc::strong_count(&self.line) <= 2 {
            taken.lines.remove(self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::{Place, Places};
    use crate::identity::Tenant;

    fn poll(waiting: Pin<&mut impl Future<Output = Place>>) -> Option<Place> {
        match waiting.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        }
    }

    #[test]
    fn who_waits_gets_a_place_in_the_order_of_coming() {
        let places = Places::new(2);
        let [tenant, other] = ["alma", "birch"].map(|name| Tenant::named(name).unwrap());
        let (first, second) = (places.take(&tenant).unwrap(), places.take(&tenant).unwrap());
        let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(places.wait(&tenant))).collect();
        assert!(waiting.iter_mut().all(|one| poll(one.as_mut()).is_none()), "both places are taken");
        drop(first);
        // The second leaves the line; the others ask in another order than they came in.
        drop(waiting.remove(1));
        assert!(poll(waiting[2].as_mut()).is_none() && poll(waiting[1].as_mut()).is_none());
        let third = poll(waiting[0].as_mut()).expect("the first to come is the first served");
        drop(second);
        assert!(poll(pin!(places.wait(&tenant))).is_none(), "who comes now comes after those who wait");
        let of_other = poll(pin!(places.wait(&other))).expect("another tenant does not wait for this one's line");
        drop((third, of_other));
        let fourth = poll(waiting[1].as_mut()).expect("the next in line");
        let fifth = poll(waiting[2].as_mut()).expect("the last in line");
        drop((fourth, fifth, waiting));
        assert!(places.lock().lines.is_empty(), "nobody waits and a line is kept");
    }

    #[test]
    fn nobody_takes_all_and_whoever_comes_next_finds_some() {
        for (most, floods, expected) in
            [(1, 1, vec![1]), (2, 1, vec![2]), (64, 1, vec![48]), (64, 2, vec![28, 27]), (64, 4, vec![15, 15, 15, 15])]
        {
            let places = Places::new(most);
            let tenant = |number: usize| Tenant::named(&format!("t{number}")).unwrap();
            let mut held: Vec<Vec<Place>> = (0..floods).map(|_| Vec::new()).collect();
            // All at once, each as often as it can.
            for _ in 0..most {
                held.iter_mut().enumerate().for_each(|(number, held)| held.extend(places.take(&tenant(number))));
            }
            let counts: Vec<usize> = held.iter().map(Vec::len).collect();
            assert_eq!(counts, expected, "{most} places");
            let found = places.take(&tenant(99));
            assert_eq!(found.is_some(), most > 2, "of {most} places none was left for the next tenant");
            drop((held, found));
            let alone = |places: &Places| std::iter::from_fn(|| places.take(&tenant(7))).collect::<Vec<Place>>().len();
            assert_eq!(alone(&places), alone(&Places::new(most)), "of {most} places some were not given back");
        }
    }
}
