//! The generated code of `proto/onward/v1`, and the descriptor set that reflection serves.
//!
//! Come here for the wire types; their documentation is in the proto files.
//! Only `from_proto` and `to_proto` turn them into words of the model or back. Nothing is written by hand here.

#![allow(missing_docs, unused_qualifications, clippy::all, clippy::unwrap_used, rustdoc::all)]

tonic::include_proto!("onward.v1");

/// All proto files of the service with their comments, encoded as `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/onward_descriptors.bin"));
