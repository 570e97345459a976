//! Verifies the vectors in a file: rustc --edition 2021 docs/examples/verify/rust/vectors.rs && ./vectors docs/vectors.json

mod sha256;
mod verify;

use std::process::ExitCode;

fn main() -> ExitCode {
    let path = std::env::args().nth(1).expect("the file");
    let text = std::fs::read_to_string(path).expect("the file");
    let file = Reader { rest: &text }.value();
    let (mut agree, mut skipped) = (0, 0);
    for vector in file.member("vectors").list() {
        if vector.member("scheme").text() != "v1" {
            skipped += 1;
            continue;
        }
        let keys: Vec<&str> = vector.member("keys").list().iter().map(Json::text).collect();
        let headers: Vec<(&str, &str)> = match vector.member("headers") {
            Json::Object(members) => members.iter().map(|(name, value)| (name.as_str(), value.text())).collect(),
            other => panic!("{other:?} is not an object"),
        };
        let now = vector.member("now").word().parse().expect("a number");
        let result = verify::verify(&keys, &headers, vector.member("body").text().as_bytes(), now);
        if result.is_ok() != (vector.member("valid").word() == "true") {
            eprintln!("rust: {}: {result:?}", vector.member("name").text());
            return ExitCode::FAILURE;
        }
        agree += 1;
    }
    println!("rust: {agree} agree, {skipped} skipped");
    ExitCode::SUCCESS
}

/// The JSON of vectors, which Rust's library does not read: a service takes the crate serde_json.
#[derive(Debug)]
enum Json {
    Object(Vec<(String, Json)>),
    List(Vec<Json>),
    Text(String),
    Word(String), // a number, true or false
}

impl Json {
    fn member(&self, name: &str) -> &Json {
        match self {
            Json::Object(members) => &members.iter().find(|(n, _)| n == name).expect(name).1,
            other => panic!("{other:?} is not an object"),
        }
    }

    fn list(&self) -> &[Json] {
        match self {
            Json::List(list) => list,
            other => panic!("{other:?} is not a list"),
        }
    }

    fn text(&self) -> &str {
        match self {
            Json::Text(text) => text,
            other => panic!("{other:?} is not a string"),
        }
    }

    fn word(&self) -> &str {
        match self {
            Json::Word(word) => word,
            other => panic!("{other:?} is not a number, true or false"),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn value(&mut self) -> Json {
        self.rest = self.rest.trim_start();
        match self.next() {
            '{' => Json::Object(self.until('}', |r| {
                let name = r.value().text().to_owned();
                r.rest = r.rest.trim_start();
                r.next(); // the colon
                (name, r.value())
            })),
            '[' => Json::List(self.until(']', Self::value)),
            '"' => Json::Text(self.string()),
            first => {
                let end = self.rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(self.rest.len());
                let word = format!("{first}{}", &self.rest[..end]);
                self.rest = &self.rest[end..];
                Json::Word(word)
            }
        }
    }

    fn until<T>(&mut self, end: char, one: impl Fn(&mut Self) -> T) -> Vec<T> {
        let mut all = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            if self.rest.starts_with(end) {
                self.next();
                return all;
            }
            all.push(one(self));
        }
    }

    fn next(&mut self) -> char {
        let c = self.rest.chars().next().expect("more of the file");
        self.rest = &self.rest[c.len_utf8()..];
        c
    }

    fn string(&mut self) -> String {
        let mut units = Vec::new(); // of UTF-16, as escapes are
        loop {
            match self.next() {
                '"' => return String::from_utf16(&units).expect("text"),
                '\\' => units.push(match self.next() {
                    'n' => 10,
                    'r' => 13,
                    't' => 9,
                    'u' => {
                        let (digits, rest) = self.rest.split_at(4);
                        self.rest = rest;
                        u16::from_str_radix(digits, 16).expect("digits")
                    }
                    c => c as u16,
                }),
                c => units.extend(c.encode_utf16(&mut [0; 2]).iter()),
            }
        }
    }
}
