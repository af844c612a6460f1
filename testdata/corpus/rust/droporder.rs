// A structure whose first field is dropped while a later one still refers to it.
struct Log(*const [u8; 20]);

impl Drop for Log {
    fn drop(&mut self) {
        std::hint::black_box(unsafe { (self.0 as *const u8).add(19).read_volatile() });
    }
}

struct Bad {
    _data: Box<[u8; 20]>,
    _log: Log,
}

struct Good {
    _log: Log,
    _data: Box<[u8; 20]>,
}

fn main() {
    let data = Box::new(std::hint::black_box([1u8; 20]));
    let log = Log(&*data);
    if cfg!(twin) {
        drop(std::hint::black_box(Good { _log: log, _data: data }));
    } else {
        drop(std::hint::black_box(Bad { _data: data, _log: log }));
    }
}
