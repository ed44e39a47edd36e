//! Places that tenants share: nobody can take them all.
//!
//! Come here for how much one tenant may have open or under way at a time. A tenant gets a place as long as it holds
//! fewer than three times as many as are left free. Alone it comes to three quarters of them, two that want everything
//! come to three sevenths each; whoever comes next always finds some. Whose turn it is, is `turns`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::identity::Tenant;

/// How many times as many places as are left free a tenant may hold.
const HELD_PER_FREE: usize = 3;

/// A number of places. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Mutex<Taken>>);

#[derive(Debug)]
struct Taken {
    free: usize,
    /// Only tenants that hold some: never more rows than places.
    held: HashMap<Tenant, usize>,
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
        Self(Arc::new(Mutex::new(Taken { free: most, held: HashMap::new() })))
    }

    /// A place for a tenant, or nothing when it has to wait for one.
    pub(super) fn take(&self, tenant: &Tenant) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.free += 1;
        if let Some(held) = taken.held.get_mut(&self.tenant) {
            *held -= 1;
            if *held == 0 {
                taken.held.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Places};
    use crate::identity::Tenant;

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
