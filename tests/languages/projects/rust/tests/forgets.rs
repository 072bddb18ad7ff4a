use ring::Ring;

#[test]
fn keeps_what_fits() {
    let mut ring = Ring::new(2);
    assert_eq!(ring.push(1), None);
    assert_eq!(ring.push(2), None);
}

#[test]
fn forgets_the_oldest() {
    let mut ring = Ring::new(2);
    ring.push(1);
    ring.push(2);
    assert_eq!(ring.push(3), Some(1));
}
