//! Commands that wait for the writer, and which of them make the next transaction.
//!
//! Come here for fairness between tenants. A transaction takes a limited number of bytes; it takes the next command of
//! whoever has the fewest bytes in it so far, so that a tenant with few commands finds them in the next transaction
//! however many another one has waiting. Within a tenant first come is first written. What the store does by itself, and
//! what people do, is small and counts as one tenant more.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

/// What can wait.
pub(super) trait Waits {
    /// On whose behalf it is written.
    fn tenant(&self) -> &str;
    /// About how many bytes it has.
    fn bytes(&self) -> usize;
}

/// What one transaction takes at most; a single command may be larger.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupLimits {
    pub commands: usize,
    pub bytes: usize,
}

/// Commands in the order in which they came, for each tenant; no tenant without.
#[derive(Debug)]
pub(super) struct Waiting<C> {
    tenants: BTreeMap<String, VecDeque<C>>,
    commands: usize,
    bytes: usize,
    /// Who was the first of the last transaction: the one after it is the first of the next, so that everybody comes to be
    /// the first and a command of any size is written.
    first: String,
}

impl<C> Default for Waiting<C> {
    fn default() -> Self {
        Self { tenants: BTreeMap::new(), commands: 0, bytes: 0, first: String::new() }
    }
}

impl<C: Waits> Waiting<C> {
    /// Nobody waits.
    pub fn is_empty(&self) -> bool {
        self.commands == 0
    }

    /// Whether there is enough for a transaction.
    pub fn fills(&self, limits: GroupLimits) -> bool {
        self.commands >= limits.commands || self.bytes >= limits.bytes
    }

    /// Adds a command behind those of its tenant.
    pub fn push(&mut self, command: C) {
        self.commands += 1;
        self.bytes += command.bytes();
        match self.tenants.get_mut(command.tenant()) {
            Some(queue) => queue.push_back(command),
            None => drop(self.tenants.insert(command.tenant().to_owned(), VecDeque::from([command]))),
        }
    }

    /// Takes the commands of the next transaction; at least one where any waits.
    pub fn take_group(&mut self, limits: GroupLimits) -> Vec<C> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        while group.len() < limits.commands {
            let room = if group.is_empty() { usize::MAX } else { limits.bytes.saturating_sub(bytes) };
            let Some(next) = self.next(&taken, room) else { break };
            let Some(command) = self.pop(&next) else { break };
            if group.is_empty() {
                self.first.clone_from(&next);
            }
            bytes += command.bytes();
            *taken.entry(next).or_insert(0) += command.bytes();
            group.push(command);
        }
        group
    }

    /// Takes everything.
    pub fn take_all(&mut self) -> impl Iterator<Item = C> + use<C> {
        std::mem::take(self).tenants.into_values().flatten()
    }

    /// Among tenants whose next command has room the one that has taken the fewest bytes; of equals the one whose turn to
    /// be first comes next.
    fn next(&self, taken: &BTreeMap<String, usize>, room: usize) -> Option<String> {
        let after = (Bound::Excluded(self.first.as_str()), Bound::Unbounded);
        let until = (Bound::Unbounded, Bound::Included(self.first.as_str()));
        let in_turn = self.tenants.range::<str, _>(after).chain(self.tenants.range::<str, _>(until));
        let fitting = in_turn.filter(|(_, queue)| queue.front().is_some_and(|command| command.bytes() <= room));
        // Of several least ones the first is found.
        fitting.map(|(tenant, _)| tenant).min_by_key(|tenant| taken.get(*tenant).copied().unwrap_or(0)).cloned()
    }

    fn pop(&mut self, tenant: &str) -> Option<C> {
        let queue = self.tenants.get_mut(tenant)?;
        let command = queue.pop_front()?;
        if queue.is_empty() {
            self.tenants.remove(tenant);
        }
        self.commands -= 1;
        self.bytes -= command.bytes();
        Some(command)
    }
}

#[cfg(test)]
mod tests {
    use super::{GroupLimits, Waiting, Waits};

    #[derive(Debug)]
    struct Piece(&'static str, usize, u32);

    impl Waits for Piece {
        fn tenant(&self) -> &str {
            self.0
        }

        fn bytes(&self) -> usize {
            self.1
        }
    }

    fn waiting(pieces: &[(&'static str, usize)]) -> Waiting<Piece> {
        let mut waiting = Waiting::default();
        for (number, (tenant, bytes)) in (0..).zip(pieces) {
            waiting.push(Piece(tenant, *bytes, number));
        }
        waiting
    }

    fn groups(mut waiting: Waiting<Piece>, limits: GroupLimits) -> Vec<Vec<u32>> {
        let mut groups = Vec::new();
        while !waiting.is_empty() {
            groups.push(waiting.take_group(limits).into_iter().map(|piece| piece.2).collect());
        }
        assert_eq!(waiting.bytes, 0);
        groups
    }

    #[test]
    fn whoever_has_little_is_in_the_next_group_however_much_another_has() {
        let cases = [
            // A flood of one, then one piece of another.
            (vec![("a", 4), ("a", 4), ("a", 4), ("a", 4), ("b", 1)], (9, 10), vec![vec![0, 4, 1], vec![2, 3]]),
            // Bytes count, not pieces.
            (
                vec![("a", 6), ("a", 6), ("b", 2), ("b", 2), ("b", 2), ("b", 2)],
                (9, 12),
                vec![vec![0, 2, 3, 4], vec![5, 1]],
            ),
            // One that is larger than a group goes by itself, and in its turn.
            (vec![("a", 99), ("b", 99), ("a", 1)], (9, 10), vec![vec![0], vec![1], vec![2]]),
            // Pieces without bytes are limited by their number.
            (vec![("", 0), ("", 0), ("", 0), ("a", 5)], (2, 10), vec![vec![3, 0], vec![1, 2]]),
        ];
        for (pieces, (commands, bytes), expected) in cases {
            let found = groups(waiting(&pieces), GroupLimits { commands, bytes });
            assert_eq!(found, expected, "{pieces:?}");
        }
    }

    #[test]
    fn nothing_is_lost_and_each_tenant_keeps_its_order() {
        let names = ["a", "b", "", "c"];
        let pieces: Vec<(&str, usize)> = (0..200_usize).map(|n| (names[n * n % 7 % 4], n * 31 % 17)).collect();
        let order: Vec<u32> =
            groups(waiting(&pieces), GroupLimits { commands: 5, bytes: 40 }).into_iter().flatten().collect();
        for name in names {
            let of = |order: &[u32]| -> Vec<u32> {
                order.iter().copied().filter(|number| pieces[*number as usize].0 == name).collect()
            };
            assert_eq!(of(&order), of(&(0..200).collect::<Vec<_>>()), "{name:?}");
        }
        assert_eq!(waiting(&pieces).take_all().count(), 200);
    }
}
