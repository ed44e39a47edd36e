//! The evaluation room.
