//! A file that is looked at and never changed: what the database writes while it looks stays in memory.
//!
//! Come here for how a file can be checked, and even repaired for the look, without a byte of it being touched.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// Bytes that are kept together where something was written.
const BLOCK: u64 = 4096;

/// A file below what was written over it.
#[derive(Debug)]
pub(super) struct Untouched(Mutex<State>);

#[derive(Debug)]
struct State {
    file: File,
    /// How much of the file still counts: a length that was cut does not come back.
    file_len: u64,
    len: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Untouched {
    pub fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self(Mutex::new(State { file, file_len: len, len, blocks: BTreeMap::new() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// One block as it is now, with zeros where nothing is.
    fn block(&mut self, number: u64) -> io::Result<Vec<u8>> {
        if let Some(block) = self.blocks.get(&number) {
            return Ok(block.clone());
        }
        let mut block = vec![0; BLOCK as usize];
        let start = number * BLOCK;
        let there = self.file_len.saturating_sub(start).min(BLOCK) as usize;
        if there > 0 {
            self.file.seek(SeekFrom::Start(start))?;
            self.file.read_exact(&mut block[..there])?;
        }
        Ok(block)
    }
}

/// The blocks that these bytes lie in, each with the part of it and the part of the bytes that meet.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let end = offset + length as u64;
    (offset / BLOCK..end.div_ceil(BLOCK)).map(move |number| {
        let (from, to) = (offset.max(number * BLOCK), end.min((number + 1) * BLOCK));
        let within = |start: u64| (from - start) as usize..(to - start) as usize;
        (number, within(number * BLOCK), within(offset))
    })
}

impl StorageBackend for Untouched {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > state.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, of_block, of_out) in parts(offset, out.len()) {
            out[of_out].copy_from_slice(&state.block(number)?[of_block]);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        if len < state.len {
            state.file_len = state.file_len.min(len);
            state.blocks.retain(|number, _| number * BLOCK < len);
            if let Some(block) = state.blocks.get_mut(&(len / BLOCK)) {
                block[(len % BLOCK) as usize..].fill(0);
            }
        }
        state.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        for (number, of_block, of_data) in parts(offset, data.len()) {
            let mut block = state.block(number)?;
            block[of_block].copy_from_slice(&data[of_data]);
            state.blocks.insert(number, block);
        }
        Ok(())
    }
}
