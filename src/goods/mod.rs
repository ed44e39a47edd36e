//! The goods room.
