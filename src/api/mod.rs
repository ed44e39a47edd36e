//! The service on the wire: gRPC in, gRPC out. tonic and prost live only here.

pub mod wire;
