// A thread gets half of a vector, and takes more.
#[inline(never)]
fn fill(p: usize, n: usize) {
    for i in 0..n {
        unsafe { (p as *mut u64).add(i).write_volatile(i as u64) };
    }
}

fn main() {
    let mut v = std::hint::black_box(vec![0u64; 20]);
    let p = v.as_mut_ptr() as usize;
    let n = std::hint::black_box(if cfg!(twin) { 10 } else { 11 });
    fill(p, 10);
    std::thread::spawn(move || fill(p + 80, n)).join().unwrap();
    std::hint::black_box(&v);
}
