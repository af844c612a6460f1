// Options, results and enums of several sizes, moved about and matched.
// only: twin
#[derive(Clone, Copy)]
enum Shape {
    Point,
    Circle(f32),
    Box(u16, u64),
}

#[inline(never)]
fn area(s: Option<Shape>) -> Result<u64, u8> {
    match s {
        Some(Shape::Point) => Ok(0),
        Some(Shape::Circle(r)) => Ok((r * 3.0) as u64),
        Some(Shape::Box(a, b)) => Ok(a as u64 * b),
        None => Err(3),
    }
}

fn main() {
    let list = std::hint::black_box(vec![Some(Shape::Point), None, Some(Shape::Circle(2.0)), Some(Shape::Box(3, 4))]);
    let copy = list.clone();
    let mut sum = 0;
    for s in copy.iter() {
        match area(*s) {
            Ok(n) => sum += n,
            Err(n) => sum += n as u64,
        }
    }
    assert_eq!(sum, 21);
}
