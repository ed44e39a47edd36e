//! What a client sends on a connection, seen from outside: whether it finishes what it begins, and how many of its
//! frames do no work.
//!
//! Come here because the HTTP/2 library answers pings, settings, changes of priority and of windows for as long as they
//! come and as fast as they come. An honest client sends few of these, or answers by them what it was sent; so what it
//! was sent counts in its favour. Calls are limited elsewhere. Reads frame heads only, keeps nothing of what they carry,
//! and looks at no clock.

use std::time::Duration;

/// The number of what every client begins with.
pub(super) const OPENING: u64 = 1;

/// How an HTTP/2 client begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEAD_BYTES: usize = 9;
/// Frames without work that a client may send at once.
const FRAMES_MAX: i64 = 2_000;
/// One more each time that so much time has passed: 200 a second.
const FRAME_INTERVAL: Duration = Duration::from_millis(5);
/// One more for so many bytes that it was sent: a small message may be answered by two changes of windows.
const BYTES_PER_FRAME: u64 = 64;
/// How many a client has again before it is read from again.
const RESTED_FRAMES: i64 = 100;
/// How long a client may go on sending too many before its connection is ended.
const PATIENCE: Duration = Duration::from_secs(10);
/// Smallest piece of a message that is work: the head of a gRPC message has five bytes.
const WORK_BYTES_MIN: usize = 5;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Follows what comes in on one connection. Times are counted from its beginning.
pub(super) struct FrameMeter {
    reading: Reading,
    /// What is begun and not complete, counted up: the opening, then blocks of headers.
    begun_count: u64,
    is_complete: bool,
    /// Frames without work that may still come; below zero where they came in one piece.
    room: i64,
    /// Until when room was made.
    made_until: Duration,
    bytes_sent: u64,
    /// Since when there has been too little room, now and then, without it having been there whole in between.
    short_since: Option<Duration>,
}

/// Room for frames without work, as one connection leaves it to the next ones of its address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Room(i64);

impl Room {
    /// That of whoever has sent nothing.
    pub(super) const WHOLE: Self = Self(FRAMES_MAX);
    /// None.
    #[cfg(test)]
    pub(super) const EMPTY: Self = Self(0);

    /// What it is so much later. What is below zero is forgiven, so that nobody waits longer than [`RESTED_FRAMES`] take for
    /// what others of the address did.
    pub(super) fn after(self, time: Duration) -> Self {
        let made = i64::try_from(time.as_millis() / FRAME_INTERVAL.as_millis()).unwrap_or(FRAMES_MAX);
        Self(self.0.max(0).saturating_add(made).min(FRAMES_MAX))
    }
}

/// Where in the stream of frames the next byte stands.
enum Reading {
    /// So many bytes of the preface were there.
    Preface(usize),
    Head([u8; HEAD_BYTES], usize),
    /// So many bytes of a payload are still to come; and whether something is complete with the last of them.
    Payload(usize, bool),
    /// It is not HTTP/2.
    Other,
}

/// What is to be done about a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Measure {
    /// Nothing.
    GoOn,
    /// Read nothing more from it for so long.
    Rest(Duration),
    /// End the connection.
    End,
}

impl FrameMeter {
    /// For a connection that begins now, with room for so many frames without work.
    pub(super) fn new(room: Room) -> Self {
        Self {
            reading: Reading::Preface(0),
            begun_count: OPENING,
            is_complete: false,
            room: room.0,
            made_until: Duration::ZERO,
            bytes_sent: 0,
            short_since: None,
        }
    }

    /// Bytes came in. Says what is to be done.
    pub(super) fn received(&mut self, mut bytes: &[u8], now: Duration) -> Measure {
        while let Some((&first, rest)) = bytes.split_first() {
            bytes = match &mut self.reading {
                Reading::Other => return Measure::GoOn,
                Reading::Preface(count) if PREFACE[*count] != first => {
                    self.is_complete = true;
                    self.reading = Reading::Other;
                    rest
                }
                Reading::Preface(count) => {
                    *count += 1;
                    if *count == PREFACE.len() {
                        self.reading = Reading::Head([0; HEAD_BYTES], 0);
                    }
                    rest
                }
                Reading::Head(head, count) => {
                    head[*count] = first;
                    *count += 1;
                    if *count == HEAD_BYTES {
                        let head = *head;
                        self.frame(&head);
                    }
                    rest
                }
                Reading::Payload(left, completes) => {
                    let taken = (*left).min(bytes.len());
                    (*left, bytes) = (*left - taken, &bytes[taken..]);
                    if *left == 0 {
                        self.is_complete |= *completes;
                        self.reading = Reading::Head([0; HEAD_BYTES], 0);
                    }
                    bytes
                }
            };
        }
        self.measure(now)
    }

    /// The client was sent so many bytes.
    pub(super) fn sent(&mut self, byte_count: usize) {
        self.bytes_sent += byte_count as u64;
    }

    /// What there is room for.
    pub(super) fn room(&self) -> Room {
        Room(self.room)
    }

    /// The number of what is begun and not complete. Another number means that it is something else.
    pub(super) fn unfinished(&self) -> Option<u64> {
        (!self.is_complete).then_some(self.begun_count)
    }

    fn frame(&mut self, head: &[u8; HEAD_BYTES]) {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let (kind, flags) = (head[3], head[4]);
        let is_work = match kind {
            DATA => length >= WORK_BYTES_MIN || flags & END_STREAM != 0,
            HEADERS => true,
            _ => false,
        };
        self.room -= i64::from(!is_work);
        let is_of_headers = matches!(kind, HEADERS | CONTINUATION);
        if kind == HEADERS && self.is_complete {
            self.begun_count += 1;
            self.is_complete = false;
        }
        // The opening is complete with the first frame, a block of headers with its last.
        let completes = !is_of_headers || flags & END_HEADERS != 0;
        self.reading = Reading::Payload(length, completes);
        if length == 0 {
            self.is_complete |= completes;
            self.reading = Reading::Head([0; HEAD_BYTES], 0);
        }
    }

    fn measure(&mut self, now: Duration) -> Measure {
        let intervals = now.saturating_sub(self.made_until).as_millis() / FRAME_INTERVAL.as_millis();
        let intervals = u32::try_from(intervals).unwrap_or(u32::MAX);
        self.made_until += FRAME_INTERVAL * intervals;
        let earned = (self.bytes_sent / BYTES_PER_FRAME).min(FRAMES_MAX as u64);
        self.bytes_sent %= BYTES_PER_FRAME;
        self.room = (self.room + i64::from(intervals) + earned as i64).min(FRAMES_MAX);
        if self.room == FRAMES_MAX {
            self.short_since = None;
        }
        if self.room > 0 {
            return Measure::GoOn;
        }
        let short_since = *self.short_since.get_or_insert(now);
        if now - short_since >= PATIENCE {
            return Measure::End;
        }
        let missing = u32::try_from(RESTED_FRAMES - self.room).unwrap_or(u32::MAX);
        Measure::Rest(FRAME_INTERVAL * missing)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        BYTES_PER_FRAME, CONTINUATION, DATA, END_HEADERS, END_STREAM, FRAME_INTERVAL, FRAMES_MAX, FrameMeter, HEADERS,
        Measure, PATIENCE, PREFACE, RESTED_FRAMES, Room,
    };

    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const NOW: Duration = Duration::ZERO;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        [vec![0, 0, length, kind, flags, 0, 0, 0, 1], vec![0; usize::from(length)]].concat()
    }

    /// A meter whose client has opened well.
    fn opened() -> FrameMeter {
        let mut meter = FrameMeter::new(Room::WHOLE);
        assert_eq!(meter.received(PREFACE, NOW), Measure::GoOn);
        assert_eq!(meter.received(&frame(SETTINGS, 0, 6), NOW), Measure::GoOn);
        assert_eq!(meter.unfinished(), None);
        meter
    }

    #[test]
    fn what_is_begun_is_unfinished_until_its_last_byte_however_it_is_cut() {
        let block = [frame(HEADERS, 0, 3), frame(CONTINUATION, 0, 0), frame(CONTINUATION, END_HEADERS, 2)].concat();
        let whole = [PREFACE, &frame(SETTINGS, 0, 6), &block, &frame(HEADERS, END_HEADERS, 1)].concat();
        let mut meter = FrameMeter::new(Room::WHOLE);
        let mut unfinished = Vec::new();
        for byte in &whole {
            meter.received(&[*byte], NOW);
            unfinished.push(meter.unfinished());
        }
        let opening = PREFACE.len() + 15;
        assert!(unfinished[..opening - 1].iter().all(|number| *number == Some(1)));
        // The first nine bytes could still be of any frame.
        assert!(unfinished[opening - 1..opening + 8].iter().all(Option::is_none));
        assert!(unfinished[opening + 8..opening + block.len() - 1].iter().all(|number| *number == Some(2)));
        let last = &unfinished[opening + block.len() - 1..];
        assert_eq!(last, [vec![None; 9], vec![Some(3), None]].concat());
        let mut at_once = FrameMeter::new(Room::WHOLE);
        at_once.received(&whole, NOW);
        assert_eq!((at_once.unfinished(), at_once.room), (None, meter.room));
    }

    #[test]
    fn frames_without_work_have_room_and_more_of_them_must_wait() {
        let idle =
            [(PING, 0, 8), (SETTINGS, 0, 0), (2, 0, 5), (3, 0, 4), (8, 0, 4), (0xfa, 0, 0), (DATA, 0, 0), (DATA, 0, 4)];
        for (kind, flags, length) in idle {
            let mut meter = opened();
            let many = frame(kind, flags, length).repeat(FRAMES_MAX as usize - 2);
            assert_eq!(meter.received(&many, NOW), Measure::GoOn, "kind {kind}");
            let Measure::Rest(rest) = meter.received(&frame(kind, flags, length), NOW) else { panic!("kind {kind}") };
            assert_eq!(meter.received(&frame(kind, flags, length), rest), Measure::GoOn);
        }
        for (kind, flags, length) in [(HEADERS, END_HEADERS, 9), (DATA, 0, 5), (DATA, END_STREAM, 0)] {
            let many = frame(kind, flags, length).repeat(2 * FRAMES_MAX as usize);
            assert_eq!(opened().received(&many, NOW), Measure::GoOn, "kind {kind} is work");
        }
    }

    #[test]
    fn who_goes_on_is_cut_and_who_pauses_is_not() {
        let flood = frame(PING, 0, 8).repeat(FRAMES_MAX as usize);
        for (pause, is_cut) in [(Duration::from_millis(10), true), (FRAME_INTERVAL * 2 * FRAMES_MAX as u32, false)] {
            let (mut meter, mut now) = (opened(), NOW);
            let mut measures = Vec::new();
            while now < 4 * PATIENCE {
                let measure = meter.received(&flood, now);
                measures.push(measure);
                now += pause;
                match measure {
                    Measure::GoOn => {}
                    Measure::Rest(rest) => now += rest,
                    Measure::End => break,
                }
                meter.received(&[], now);
            }
            assert_eq!(measures.contains(&Measure::End), is_cut, "{measures:?}");
        }
    }

    #[test]
    fn what_a_client_was_sent_counts_in_its_favour() {
        let mut meter = opened();
        for _ in 0..10 * FRAMES_MAX {
            meter.sent(2 * BYTES_PER_FRAME as usize);
            assert_eq!(meter.received(&frame(8, 0, 4).repeat(2), NOW), Measure::GoOn);
        }
    }

    #[test]
    fn who_comes_back_has_the_room_that_was_left_and_rests_first_where_that_is_none() {
        let mut meter = opened();
        meter.received(&frame(PING, 0, 8).repeat(2 * FRAMES_MAX as usize), NOW);
        let left = meter.room();
        assert!(left < Room(0));
        let mut again = FrameMeter::new(left.after(NOW));
        assert_eq!(again.received(&[], NOW), Measure::Rest(FRAME_INTERVAL * RESTED_FRAMES as u32));
        let mut later = FrameMeter::new(left.after(FRAME_INTERVAL * 50));
        assert_eq!(later.received(&[], NOW), Measure::GoOn);
        assert_eq!(later.room(), Room(50));
        assert_eq!(left.after(FRAME_INTERVAL * FRAMES_MAX as u32), Room::WHOLE);
    }

    #[test]
    fn what_is_not_http_2_is_left_alone() {
        let mut meter = FrameMeter::new(Room::WHOLE);
        assert_eq!(meter.received(b"POST / HTTP/1.1\r\n", NOW), Measure::GoOn);
        assert_eq!(meter.received(&[0; 100_000], NOW), Measure::GoOn);
        assert_eq!(meter.unfinished(), None);
    }
}
