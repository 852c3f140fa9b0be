//! A call that a server answers allocates nothing on the thread of the vCPU that makes it.

mod common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use common::{Board, ECHO, NOT_SUPPORTED, Place, SUM, peer::Sip};

/// The system's allocator, and how often a thread has asked it for memory.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every method hands its arguments on to the system's allocator, which keeps the contract. The counter is
// initialised at compile time and has no destructor, so counting allocates nothing.
#[allow(unsafe_code, reason = "there is no other way to see allocations")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `pointer` came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_call_allocates_nothing_whether_it_is_answered_or_there_is_no_server() {
    let place = Place::new();
    place.serve(Sip(4));
    let specs = [place.spec("0xC2000000+0x100", ""), Place::new().spec("0xC3000000+0x100", "")];
    let board = Board::new(&specs, 1);
    board.externals[0].connect_first().unwrap();
    board.run(|| {
        let mut guest = board.guest(0);
        let before = ALLOCATIONS.get();
        for n in 0..100 {
            assert_eq!(guest.hvc(&[SUM, n, 1]).x[0], n + 1);
            assert_eq!(guest.hvc(&[ECHO, n, n]).x[..3], [0, n, n]);
            assert_eq!(guest.hvc(&[0xc300_0000]).x[0], NOT_SUPPORTED);
        }
        assert_eq!(ALLOCATIONS.get(), before);
    });
}
