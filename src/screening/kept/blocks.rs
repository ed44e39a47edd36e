//! Lists as checked blocks of bytes: how what is held lies in a file.
//!
//! A list is blocks of up to [`ITEMS_PER_BLOCK`] items in postcard, ended by an empty one. Each block starts with the
//! number of its items, its length in bytes and a checksum over both and the bytes, little-endian, four bytes each.
//! Blocks are written and read side by side, so that nothing is held twice as a whole.

use std::io::{self, Read, Write};

use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Items of one block.
const ITEMS_PER_BLOCK: usize = 4_096;
/// Blocks in memory at a time.
const BLOCKS_AT_A_TIME: usize = 16;
/// Longest block that is read: a length beyond it is damage.
const BLOCK_LENGTH_MAX: u32 = 1 << 30;
/// Bytes in front of a block.
const HEAD_LENGTH: usize = 12;

/// Why a kept state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// It cannot be read or written.
    #[error(transparent)]
    Disk(#[from] io::Error),
    /// It is not what was written.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// It was kept under other rules: by another version, or with other weights or rates.
    #[error("kept by another version of Onward, or with other weights or exchange rates")]
    OtherRules,
    /// Another tenant's orders are in it.
    #[error("kept for the orders of another tenant")]
    OtherTenant,
}

/// Writes lists.
#[derive(Debug)]
pub struct BlockWriter<W> {
    out: W,
    /// Bytes written so far.
    length: u64,
    /// Items that wait for their block to be full.
    waiting: Items,
}

/// Reads lists in the order in which they were written.
#[derive(Debug)]
pub struct BlockReader<R> {
    input: R,
}

/// The items of a list on their way in, see [`BlockReader::items`].
#[derive(Debug)]
pub struct ItemsOf<T> {
    read: std::vec::IntoIter<T>,
    is_last: bool,
}

/// The items of a block on their way out.
#[derive(Default, Debug)]
pub(super) struct Items {
    bytes: Vec<u8>,
    count: u32,
}

impl Items {
    /// Adds an item.
    pub(super) fn add(&mut self, item: &impl Serialize) {
        // What is held always serialises, and memory takes every byte.
        let written = postcard::to_io(item, &mut self.bytes);
        debug_assert!(written.is_ok(), "what is held serialises");
        self.count += 1;
    }
}

impl<W: Write> BlockWriter<W> {
    /// Writes to this.
    pub fn new(out: W) -> Self {
        Self { out, length: 0, waiting: Items::default() }
    }

    /// Writes a list with one item.
    pub fn one(&mut self, item: &(impl Serialize + Sync)) -> io::Result<()> {
        self.list(&[item], |item, items| items.add(item))
    }

    /// Writes a list: one item for each of these, put into words side by side.
    pub(super) fn list<T: Sync>(&mut self, list: &[T], word: impl Fn(&T, &mut Items) + Sync) -> io::Result<()> {
        for some in list.chunks(ITEMS_PER_BLOCK * BLOCKS_AT_A_TIME) {
            let block = |chunk: &[T]| {
                let mut items = Items::default();
                chunk.iter().for_each(|item| word(item, &mut items));
                items
            };
            let blocks: Vec<Items> = some.par_chunks(ITEMS_PER_BLOCK).map(block).collect();
            blocks.iter().try_for_each(|items| self.block(items))?;
        }
        self.block(&Items::default())
    }

    /// Adds an item to the list that is being written.
    pub fn add(&mut self, item: &impl Serialize) -> io::Result<()> {
        self.waiting.add(item);
        if self.waiting.count as usize >= ITEMS_PER_BLOCK { self.write_waiting() } else { Ok(()) }
    }

    /// Ends the list that is being written.
    pub fn end_list(&mut self) -> io::Result<()> {
        if self.waiting.count > 0 {
            self.write_waiting()?;
        }
        self.block(&Items::default())
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.block(&waiting)
    }

    fn block(&mut self, items: &Items) -> io::Result<()> {
        let length = u32::try_from(items.bytes.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.length += HEAD_LENGTH as u64 + u64::from(length);
        self.out.write_all(&items.count.to_le_bytes())?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&checksum(items.count, &items.bytes).to_le_bytes())?;
        self.out.write_all(&items.bytes)
    }

    /// How many bytes were written: where the next list begins.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<R: Read> BlockReader<R> {
    /// Reads from this.
    pub fn new(input: R) -> Self {
        Self { input }
    }

    /// Reads a list with one item.
    pub fn one<T: DeserializeOwned + Send>(&mut self) -> Result<T, KeptError> {
        let mut list = self.list()?;
        match (list.pop(), list.is_empty()) {
            (Some(item), true) => Ok(item),
            _ => Err(KeptError::Damaged("another number of items than one")),
        }
    }

    /// Reads a list whole.
    pub(super) fn list<T: DeserializeOwned + Send>(&mut self) -> Result<Vec<T>, KeptError> {
        let mut list = Vec::new();
        self.each(|item| list.push(item))?;
        Ok(list)
    }

    /// Reads a list item by item.
    pub(super) fn each<T: DeserializeOwned + Send>(&mut self, mut take: impl FnMut(T)) -> Result<(), KeptError> {
        let mut items = self.items();
        while let Some(item) = self.next(&mut items)? {
            take(item);
        }
        Ok(())
    }

    /// Begins a list, whose items [`BlockReader::next`] gives.
    pub fn items<T>(&self) -> ItemsOf<T> {
        ItemsOf { read: Vec::new().into_iter(), is_last: false }
    }

    /// The next item of the list that was begun; nothing at its end.
    pub fn next<T: DeserializeOwned + Send>(&mut self, list: &mut ItemsOf<T>) -> Result<Option<T>, KeptError> {
        loop {
            if let Some(item) = list.read.next() {
                return Ok(Some(item));
            }
            if list.is_last {
                return Ok(None);
            }
            let mut blocks = Vec::with_capacity(BLOCKS_AT_A_TIME);
            while blocks.len() < BLOCKS_AT_A_TIME && !list.is_last {
                let block = self.block()?;
                list.is_last = block.count == 0;
                blocks.push(block);
            }
            let read: Result<Vec<Vec<T>>, KeptError> = blocks.par_iter().map(items).collect();
            list.read = read?.into_iter().flatten().collect::<Vec<T>>().into_iter();
        }
    }

    fn block(&mut self) -> Result<Items, KeptError> {
        let mut head = [0; HEAD_LENGTH];
        self.input.read_exact(&mut head)?;
        let [count, length, sum] =
            [0, 4, 8].map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        if length > BLOCK_LENGTH_MAX {
            return Err(KeptError::Damaged("a length beyond the limit"));
        }
        let mut bytes = Vec::new();
        // No more is taken from the memory than there is to read.
        self.input.by_ref().take(length.into()).read_to_end(&mut bytes)?;
        match bytes.len() == length as usize && checksum(count, &bytes) == sum {
            true => Ok(Items { bytes, count }),
            false => Err(KeptError::Damaged("a checksum does not agree")),
        }
    }
}

fn items<T: DeserializeOwned>(block: &Items) -> Result<Vec<T>, KeptError> {
    let mut rest = block.bytes.as_slice();
    let items: Result<Vec<T>, postcard::Error> = (0..block.count)
        .map(|_| {
            let (item, after) = postcard::take_from_bytes(rest)?;
            rest = after;
            Ok(item)
        })
        .collect();
    match items {
        Ok(items) if rest.is_empty() => Ok(items),
        _ => Err(KeptError::Damaged("bytes that are no such item")),
    }
}

fn checksum(count: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&count.to_le_bytes());
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::{BlockReader, BlockWriter, ITEMS_PER_BLOCK, Items, KeptError};

    fn written(numbers: &[u32]) -> Vec<u8> {
        let mut writer = BlockWriter::new(Vec::new());
        writer.list(numbers, |number: &u32, items: &mut Items| items.add(number)).unwrap();
        numbers.iter().for_each(|number| writer.add(number).unwrap());
        writer.end_list().unwrap();
        writer.one(&"the end").unwrap();
        writer.into_inner()
    }

    fn read(bytes: &[u8]) -> Result<(Vec<u32>, Vec<u32>, String), KeptError> {
        let mut reader = BlockReader::new(bytes);
        Ok((reader.list()?, reader.list()?, reader.one()?))
    }

    #[test]
    fn lists_of_any_length_come_back() {
        for length in [0, 1, ITEMS_PER_BLOCK, 17 * ITEMS_PER_BLOCK + 3] {
            let numbers: Vec<u32> = (0..length as u32).collect();
            assert_eq!(read(&written(&numbers)).unwrap(), (numbers.clone(), numbers, "the end".to_owned()));
        }
    }

    #[test]
    fn a_flipped_bit_or_a_missing_end_is_told() {
        let bytes = written(&[3, 1, 4, 1, 5]);
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[place] ^= 1 << bit;
                assert!(read(&other).is_err(), "bit {bit} of byte {place}");
            }
            assert!(read(&bytes[..place]).is_err(), "only {place} bytes");
        }
    }
}
