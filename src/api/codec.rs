//! How messages become bytes: as the generated code would have it, with less room taken in advance.
//!
//! Come here because the library keeps 8 KiB for every call from its beginning, in each direction, whether or not anything
//! is ever sent: a watch without events would cost 16 KiB for nothing, and there may be thousands of them.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

/// Room that a call begins with, in bytes; it grows with the messages.
const FIRST_ROOM_BYTES: usize = 512;
/// Messages that are ready together go out in pieces of about this many bytes.
const PIECE_BYTES: usize = 16 * 1024;

/// Protocol buffers with small buffers. The build script names it in the generated code.
#[derive(Debug)]
pub struct LeanCodec<Sent, Received>(PhantomData<(Sent, Received)>);

impl<Sent, Received> Default for LeanCodec<Sent, Received> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Sent, Received> Codec for LeanCodec<Sent, Received>
where
    Sent: Message + Send + 'static,
    Received: Message + Default + Send + 'static,
{
    type Encode = Sent;
    type Decode = Received;
    type Encoder = ProstEncoder<Sent>;
    type Decoder = ProstDecoder<Received>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<Sent, Received>::raw_encoder(BufferSettings::new(FIRST_ROOM_BYTES, PIECE_BYTES))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<Sent, Received>::raw_decoder(BufferSettings::new(FIRST_ROOM_BYTES, PIECE_BYTES))
    }
}
