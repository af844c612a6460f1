// A box that was made raw and never a box again.
struct Node {
    _value: [u64; 5],
    next: *mut Node,
}

#[inline(never)]
fn chain(n: u64) -> *mut Node {
    let mut list = std::ptr::null_mut();
    for i in 0..n {
        list = Box::into_raw(Box::new(Node { _value: [i; 5], next: list }));
    }
    list
}

#[inline(never)]
fn release(mut list: *mut Node) {
    while !list.is_null() {
        let node = unsafe { Box::from_raw(list) };
        list = node.next;
    }
}

fn main() {
    let list = std::hint::black_box(chain(4));
    if cfg!(twin) {
        release(list);
    }
}
