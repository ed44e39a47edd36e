//! The resolve room.
