//! A disk that loses its power: what was written and not synced may be there afterwards, or not, or in part.
//!
//! Come here for how a power cut is modelled. Sectors of 512 bytes are written whole; of each one any version written
//! since the last sync may survive, or none; likewise of the length. A full or broken disk is here too: a full one takes
//! a new length, as file systems do, and has no room when what was not there before is written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

const SECTOR: usize = 512;

/// Numbers that look random and are the same for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What a reader sees.
    live: Vec<u8>,
    /// What was there at the last sync.
    durable: Vec<u8>,
    /// Every version of a sector since the last sync.
    versions: BTreeMap<usize, Vec<[u8; SECTOR]>>,
    /// Every length since the last sync.
    lengths: Vec<usize>,
    /// Changing operations left until the fault; `None` for a healthy disk.
    operations_left: Option<u64>,
    fault: Option<io::ErrorKind>,
    syncs: u64,
    /// Sectors that were written since the file was as long.
    taken: BTreeSet<usize>,
    /// Most sectors that can be taken; `None` for a disk without end.
    sectors_max: Option<usize>,
    /// Longest length that is taken; `None` for any.
    length_max: Option<usize>,
    /// Whether reading fails.
    is_unreadable: bool,
}

impl Disk {
    /// From the operation after this many on, every changing operation fails; the failing one may be done in part.
    pub fn fail_after(&self, operations: u64, fault: io::ErrorKind) {
        let mut state = self.state();
        state.operations_left = Some(operations);
        state.fault = Some(fault);
    }

    /// From now on there is room for this many sectors more.
    pub fn fill_up_to(&self, sectors: usize) {
        let mut state = self.state();
        state.sectors_max = Some(state.taken.len() + sectors);
    }

    /// From now on the file can only be this much longer.
    pub fn limit_length_to(&self, bytes_more: usize) {
        let mut state = self.state();
        state.length_max = Some(state.live.len() + bytes_more);
    }

    /// Reading fails from now on.
    pub fn make_unreadable(&self) {
        self.state().is_unreadable = true;
    }

    /// There is room again, and nothing fails any more.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.sectors_max, state.length_max, state.is_unreadable) = (None, None, false);
        (state.operations_left, state.fault) = (None, None);
    }

    /// Whether the fault has struck.
    pub fn has_failed(&self) -> bool {
        self.state().operations_left == Some(0)
    }

    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Another disk in its place.
    pub fn empty(&self) {
        *self.state() = State::default();
    }

    /// Power is back: decides what has survived.
    pub fn restart(&self, dice: &mut Dice) {
        let mut state = self.state();
        let State { durable, versions, lengths, .. } = &mut *state;
        // Everything lost, everything kept, or each sector by itself.
        let mode = dice.below(4);
        let mut choose = |count: usize| match mode {
            0 => 0,
            1 => count,
            _ => dice.below(count as u64 + 1) as usize,
        };
        let length = match choose(lengths.len()) {
            0 => durable.len(),
            chosen => lengths[chosen - 1],
        };
        durable.resize(length.max(durable.len()), 0);
        for (sector, versions) in versions.iter() {
            let start = sector * SECTOR;
            let chosen = choose(versions.len());
            if chosen > 0 && start < durable.len() {
                let end = (start + SECTOR).min(durable.len());
                durable[start..end].copy_from_slice(&versions[chosen - 1][..end - start]);
            }
        }
        durable.truncate(length);
        versions.clear();
        lengths.clear();
        state.live = state.durable.clone();
        state.operations_left = None;
        state.fault = None;
        let sectors = state.live.len().div_ceil(SECTOR);
        state.taken.retain(|sector| *sector < sectors);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    /// Counts a changing operation; an error where it fails.
    fn count(&mut self) -> io::Result<()> {
        match &mut self.operations_left {
            None => Ok(()),
            Some(0) => Err(self.error()),
            Some(left) => {
                *left -= 1;
                if *left == 0 { Err(self.error()) } else { Ok(()) }
            }
        }
    }

    /// Takes the sectors of these bytes; where there is no room for all of them, the place up to which there is.
    fn take(&mut self, start: usize, end: usize) -> Option<usize> {
        for sector in start / SECTOR..end.div_ceil(SECTOR) {
            let is_full = self.sectors_max.is_some_and(|most| self.taken.len() >= most);
            if is_full && !self.taken.contains(&sector) {
                return Some((sector * SECTOR).max(start));
            }
            self.taken.insert(sector);
        }
        None
    }

    fn is_off(&self) -> bool {
        self.operations_left == Some(0)
    }

    fn error(&self) -> io::Error {
        io::Error::from(self.fault.unwrap_or(io::ErrorKind::Other))
    }

    fn keep_versions(&mut self, start: usize, end: usize) {
        for sector in start / SECTOR..end.div_ceil(SECTOR) {
            let mut version = [0; SECTOR];
            let from = sector * SECTOR;
            let to = (from + SECTOR).min(self.live.len());
            version[..to - from].copy_from_slice(&self.live[from..to]);
            self.versions.entry(sector).or_default().push(version);
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if state.is_unreadable {
            return Err(io::ErrorKind::Other.into());
        }
        let source = state.live.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(source.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        if state.is_off() {
            return Err(state.error());
        }
        if state.length_max.is_some_and(|most| len as usize > most.max(state.live.len())) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let sectors = (len as usize).div_ceil(SECTOR);
        state.taken.retain(|sector| *sector < sectors);
        state.live.resize(len as usize, 0);
        state.lengths.push(len as usize);
        state.count()
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.count()?;
        state.syncs += 1;
        let State { live, durable, versions, lengths, .. } = &mut *state;
        durable.resize(live.len(), 0);
        for (sector, _) in std::mem::take(versions) {
            let start = sector * SECTOR;
            let end = (start + SECTOR).min(live.len());
            if start < end {
                durable[start..end].copy_from_slice(&live[start..end]);
            }
        }
        lengths.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.is_off() {
            return Err(state.error());
        }
        let (start, mut end) = (offset as usize, offset as usize + data.len());
        let room = state.take(start, end);
        end = room.unwrap_or(end);
        let data = &data[..end - start];
        let target = state.live.get_mut(start..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        target.copy_from_slice(data);
        state.keep_versions(start, end);
        match room {
            Some(_) => Err(io::ErrorKind::StorageFull.into()),
            None => state.count(),
        }
    }
}
