//! The clock room.
