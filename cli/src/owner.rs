//! The names of users, from /etc/passwd only. A user who is not there is shown as a number.

use std::collections::HashMap;

pub struct Owners(HashMap<u32, String>);

impl Owners {
    pub fn load() -> Self {
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let entry = |line: &str| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            Some((fields.nth(1)?.parse().ok()?, name))
        };
        // If a number has several entries, the system uses the first.
        let mut names = HashMap::new();
        for (uid, name) in passwd.lines().filter_map(entry) {
            names.entry(uid).or_insert(name);
        }
        Owners(names)
    }

    pub fn name(&self, uid: u32) -> String {
        self.0.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }
}
