//! Messages of the protocols that are not text: records of FastCGI, packets of MySQL, messages of DNS.

/// Kinds of FastCGI records.
pub const STDOUT: u8 = 6;
pub const STDERR: u8 = 7;
pub const END: u8 = 3;

/// A FastCGI record.
pub fn record(kind: u8, content: &[u8], padding: u8) -> Vec<u8> {
    let [high, low] = (content.len() as u16).to_be_bytes();
    let head = [1, kind, 0, 1, high, low, padding, 0];
    [&head, content, &vec![b'p'; usize::from(padding)]].concat()
}

/// A FastCGI reply: output in pieces, each a record, then the end.
pub fn output(pieces: &[&str]) -> Vec<u8> {
    let records = pieces.iter().zip(0u8..).map(|(text, n)| record(STDOUT, text.as_bytes(), n % 3));
    let mut all: Vec<u8> = records.collect::<Vec<_>>().concat();
    all.extend(record(STDOUT, b"", 0));
    all.extend(record(END, &[0; 8], 5));
    all
}

/// Packets of MySQL with these contents, numbered from `first`.
pub fn packets(first: u8, contents: &[&[u8]]) -> Vec<u8> {
    let framed = contents.iter().zip(first..).map(|(content, n)| {
        let [low, middle, high, _] = (content.len() as u32).to_le_bytes();
        [&[low, middle, high, n], *content].concat()
    });
    framed.collect::<Vec<_>>().concat()
}

const EOF: &[u8] = &[0xfe, 0, 0, 2, 0];

/// The definition of a column of MySQL.
pub fn column(name: &str, kind: u8) -> Vec<u8> {
    let names = ["def", "db", "t", "t", name, name];
    let string = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let mut bytes: Vec<u8> = names.iter().flat_map(|name| string(name)).collect();
    bytes.extend_from_slice(&[0x0c, 45, 0, 0, 1, 0, 0, kind, 0, 0, 0, 0, 0]);
    bytes
}

/// Rows of a number and a string, as MySQL sends them.
pub fn set(rows: &[&[u8]]) -> Vec<u8> {
    let (id, name) = (column("id", 3), column("name", 253));
    let mut contents: Vec<&[u8]> = vec![&[2], &id, &name, EOF];
    contents.extend_from_slice(rows);
    contents.push(EOF);
    packets(1, &contents)
}

/// What MySQL says first, and its answer to a login that is well.
pub fn welcome(plugin: &str, between: &[&[u8]]) -> Vec<u8> {
    let head =
        b"\x0a8.0.1\0\x01\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\xc7\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0";
    let hello = [&head[..], plugin.as_bytes(), b"\0"].concat();
    let mut contents: Vec<&[u8]> = vec![&hello];
    contents.extend_from_slice(between);
    contents.push(&[0, 0, 0, 2, 0, 0, 0]);
    packets(0, &contents)
}
