// Collections of the standard library: hash tables compare sixteen control bytes at a time.
// only: twin
use std::collections::{BTreeMap, HashMap, VecDeque};

fn main() {
    let mut h: HashMap<u32, String> = HashMap::new();
    let mut b = BTreeMap::new();
    let mut d = VecDeque::new();
    for i in 0..50u32 {
        h.insert(i, format!("{i}"));
        b.insert(i % 7, i);
        d.push_back(i);
        if i % 3 == 0 {
            d.pop_front();
        }
    }
    let total: u32 = b.values().sum::<u32>() + d.iter().sum::<u32>() + h.len() as u32;
    assert!(total > 0);
}
