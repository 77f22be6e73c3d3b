//! Users by name, from /etc/passwd alone; others have their number.

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
        // The first entry of a number is the one that the system uses.
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
