//! The indicators room.
