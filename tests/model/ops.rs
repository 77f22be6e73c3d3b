//! The operations, and how they are drawn.

use proptest::collection::vec;
use proptest::prelude::*;

/// What is written: an index of a dtype, a shape, the length of the user data, a seed for the bytes.
pub type Data = (usize, Vec<usize>, usize, u64);

#[derive(Clone, Debug)]
pub enum Op {
    /// As an array of some strides.
    Write(Data, u8),
    WriteBytes(Data),
    /// The layout of the value before once more, with other bytes.
    WriteAgain(u64),
    Loan(Data),
    LoanDropped(Data),
    /// Loaned, and published after the tag was removed (or taken over, if true) by somebody else.
    LoanTooLate(Data, bool),
    OpenReader,
    DropReader(usize),
    CloneReader(usize),
    /// `read` (or `wait` with no time, if true) of a reader; what comes is held if the second is true.
    Read(usize, bool, bool),
    Latest(usize, bool),
    DropHeld(usize),
    CloneHeld(usize),
    CloseWriter,
    OpenWriter(Options),
    /// A second writer without takeover, which is refused.
    OpenTwice,
    TakeOver(Options),
    /// The writer that was superseded or whose tag was removed tries once more.
    WriteEnded(Data),
    Remove,
    ForceRemove,
    Gc,
    /// `rm` of the header, the data file, or both.
    RemoveByHand {
        header: bool,
        data: bool,
    },
}

#[derive(Clone, Debug)]
pub struct Options {
    pub ephemeral: bool,
    pub capacity: usize,
    pub history: usize,
}

fn data() -> impl Strategy<Value = Data> {
    let shape = prop_oneof![
        6 => vec(0..5_usize, 0..5),
        3 => vec(1..30_usize, 1..3),
        1 => (1000..9000_usize).prop_map(|length| vec![length]),
        1 => vec(1..2_usize, 0..=64),
    ];
    let user = prop_oneof![Just(0), 1..=240_usize, Just(2048)];
    (0..15_usize, shape, user, any::<u64>())
}

fn options(ephemeral: bool) -> impl Strategy<Value = Options> {
    let capacity = prop_oneof![3 => Just(0), 1 => 0..50_000_usize];
    let history = prop_oneof![3 => Just(0), 1 => 1..=12_usize];
    (any::<bool>(), capacity, history).prop_map(move |(short, capacity, history)| Options {
        ephemeral: short && ephemeral,
        capacity,
        history,
    })
}

/// Operations that end and remove nothing.
fn peaceful() -> impl Strategy<Value = Op> {
    let any_of = any::<usize>;
    prop_oneof![
        8 => (data(), any::<u8>()).prop_map(|(data, stride)| Op::Write(data, stride)),
        4 => data().prop_map(Op::WriteBytes),
        12 => any::<u64>().prop_map(Op::WriteAgain),
        4 => data().prop_map(Op::Loan),
        3 => data().prop_map(Op::LoanDropped),
        2 => Just(Op::OpenReader),
        1 => any_of().prop_map(Op::DropReader),
        1 => any_of().prop_map(Op::CloneReader),
        12 => (any_of(), any::<bool>(), any::<bool>()).prop_map(|(i, wait, hold)| Op::Read(i, wait, hold)),
        8 => (any_of(), any::<bool>()).prop_map(|(i, hold)| Op::Latest(i, hold)),
        5 => any_of().prop_map(Op::DropHeld),
        2 => any_of().prop_map(Op::CloneHeld),
        1 => Just(Op::Gc),
    ]
}

/// A sequence of up to `most` operations, without `rm`.
pub fn ops(most: usize) -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        60 => peaceful(),
        3 => Just(Op::CloseWriter),
        6 => options(true).prop_map(Op::OpenWriter),
        2 => options(true).prop_map(Op::TakeOver),
        2 => (data(), any::<bool>()).prop_map(|(data, takeover)| Op::LoanTooLate(data, takeover)),
        2 => data().prop_map(Op::WriteEnded),
        1 => Just(Op::Remove),
        1 => Just(Op::ForceRemove),
        1 => Just(Op::OpenTwice),
    ];
    vec(op, 1..most)
}

/// A few turns of some peaceful operations and an `rm`.
pub fn ops_of_the_hand(turns: usize) -> impl Strategy<Value = Vec<Op>> {
    let by_hand = prop_oneof![Just((true, false)), Just((false, true)), Just((true, true))]
        .prop_map(|(header, data)| Op::RemoveByHand { header, data });
    let end = prop_oneof![2 => by_hand, 1 => Just(Op::CloseWriter)];
    let open = options(false).prop_map(Op::OpenWriter);
    let turn = (open, vec(peaceful(), 1..15), end).prop_map(|(open, mut ops, end)| {
        ops.insert(0, open);
        ops.push(end);
        ops
    });
    vec(turn, 1..turns).prop_map(|turns| turns.concat())
}
