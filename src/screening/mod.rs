//! The screening room.
