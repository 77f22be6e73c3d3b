//! The messages, in protobuf. A field that is added later has a new number; one that is not known is passed over.

use prost::Message;

/// A list of tags is never longer, in bytes.
pub(crate) const LONGEST_TAGS: usize = 1 << 20;
/// No answer has more bytes of values, whatever was asked for: a host that takes in messages has to keep so much of each.
pub(crate) const LONGEST_PART: usize = 16 << 20;

/// "Which tags do you have?"
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AskTags {
    /// The revision that the receiver has: answered when there is another; 0: none.
    #[prost(uint64, tag = 1)]
    pub known: u64,
}

/// The tags that an offer has.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Tags {
    /// 0: still the one that the receiver has.
    #[prost(uint64, tag = 1)]
    pub revision: u64,
    #[prost(message, repeated, tag = 2)]
    pub tags: Vec<OfferedTag>,
}

/// A tag that is offered.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct OfferedTag {
    #[prost(string, tag = 1)]
    pub name: String,
    /// Its values are about that large, in bytes.
    #[prost(uint64, tag = 2)]
    pub nbytes: u64,
    #[prost(bool, tag = 3)]
    pub writer_alive: bool,
    /// The history of its data file.
    #[prost(uint32, tag = 4)]
    pub history: u32,
}

/// "Send me a value of this tag that I do not have."
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AskValue {
    /// Who asks: another text at each start of a receiver.
    #[prost(string, tag = 1)]
    pub receiver: String,
    /// Counts the questions of this receiver about this tag, from 1.
    #[prost(uint64, tag = 2)]
    pub number: u64,
    /// The cursor of the last answer that arrived; empty: none.
    #[prost(string, tag = 3)]
    pub after: String,
    /// The question before this is still open: what is sent for that counts as arrived.
    #[prost(bool, tag = 4)]
    pub follows: bool,
    /// Each value in its order, not the latest one.
    #[prost(bool, tag = 5)]
    pub every: bool,
    /// Values that are larger are not sent.
    #[prost(uint64, tag = 6)]
    pub most_bytes: u64,
    /// Of each value, in the first question: when that which the receiver's store has was written. 0: none.
    #[prost(fixed64, tag = 7)]
    pub last_written_at: u64,
    /// The receiver's host, for people.
    #[prost(string, tag = 8)]
    pub host: String,
    /// An answer has so many bytes of values at most; the rest of them is asked for. Less than 1 KiB counts as that, and no answer has
    /// more than 16 MiB.
    #[prost(uint64, tag = 9)]
    pub most_at_once: u64,
}

/// "Send me more of that answer."
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AskRest {
    /// As in the question whose answer it was.
    #[prost(string, tag = 1)]
    pub receiver: String,
    /// The id that the answer has.
    #[prost(uint64, tag = 2)]
    pub answer: u64,
    /// So many bytes of it have arrived.
    #[prost(uint64, tag = 3)]
    pub from: u64,
    /// So many more are sent at most, as in [`AskValue`].
    #[prost(uint64, tag = 4)]
    pub most_at_once: u64,
}

/// What goes beside the values of an answer.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Answer {
    /// How long the question waited for a value, in microseconds.
    #[prost(uint64, tag = 1)]
    pub waited: u64,
    /// The cursor of the last value of the answer; empty if it has none, and nothing was passed over.
    #[prost(string, tag = 2)]
    pub cursor: String,
    /// Why a value was passed over, or none is sent now; empty: nothing is wrong.
    #[prost(string, tag = 3)]
    pub error: String,
    /// Of each value: how many were overwritten at the source before they were sent, since the first question.
    #[prost(uint64, tag = 4)]
    pub missed: u64,
    /// All values of the answer have so many bytes. Those that did not come with it are asked for.
    #[prost(uint64, tag = 5)]
    pub nbytes: u64,
    /// By what the rest of it is asked for: another number for each answer of the offer; 0 if all came.
    #[prost(uint64, tag = 6)]
    pub id: u64,
}

/// What goes before the bytes of a value.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Head {
    #[prost(string, tag = 1)]
    pub dtype: String,
    /// Of a dtype that is not built in; else empty.
    #[prost(string, tag = 2)]
    pub descr: String,
    /// Of a dtype that is not built in; else 0.
    #[prost(uint64, tag = 3)]
    pub itemsize: u64,
    #[prost(uint64, repeated, tag = 4)]
    pub shape: Vec<u64>,
    #[prost(uint64, tag = 5)]
    pub nbytes: u64,
    #[prost(bytes = "bytes", tag = 6)]
    pub user_data: bytes::Bytes,
    #[prost(string, optional, tag = 7)]
    pub attributes: Option<String>,
    /// The version at the source, and where the count of it began.
    #[prost(uint64, tag = 8)]
    pub version: u64,
    #[prost(fixed64, tag = 9)]
    pub origin: u64,
    /// Unix times in nanoseconds.
    #[prost(fixed64, tag = 10)]
    pub written_at: u64,
    #[prost(fixed64, optional, tag = 11)]
    pub acquired_at: Option<u64>,
}
