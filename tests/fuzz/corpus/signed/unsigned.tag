1object c8aedf6fd6f876903a5dfd7846ef2b4d54dc06ad
type commit
tag v2
tagger Ada <ada@example.com> 1714564800 +0000

v2
