//! The normalize room.
