# image/spdx's document, from its tables of packages and files.
def rows: split("\n") | map(select(. != "") | split("\t"));
def id: "SPDXRef-Package-" + gsub("[^A-Za-z0-9.-]"; "-");

# Debian's short names (machine-readable copyright, 1.0) that SPDX spells otherwise.
def spelled: {
	"Expat": "MIT", "GPL-1+": "GPL-1.0-or-later", "GPL-2": "GPL-2.0-only", "GPL-2+": "GPL-2.0-or-later",
	"GPL-2.0+": "GPL-2.0-or-later", "GPL-3": "GPL-3.0-only", "GPL-3+": "GPL-3.0-or-later",
	"LGPL-2": "LGPL-2.0-only", "LGPL-2+": "LGPL-2.0-or-later", "LGPL-2.1": "LGPL-2.1-only",
	"LGPL-2.1+": "LGPL-2.1-or-later", "LGPL-3": "LGPL-3.0-only", "LGPL-3+": "LGPL-3.0-or-later",
	"BSD-2-clause": "BSD-2-Clause", "BSD-3-clause": "BSD-3-Clause", "BSD-4-clause": "BSD-4-Clause",
	"BSD-3-Clause": "BSD-3-Clause", "BSD3": "BSD-3-Clause", "OpenLDAP-2.8": "OLDAP-2.8", "MIT": "MIT",
	"Apache-2.0": "Apache-2.0", "Zlib": "Zlib", "curl": "curl", "MPL-2.0": "MPL-2.0"
};
def reference: "LicenseRef-debian-" + gsub("[^A-Za-z0-9.-]+"; "-");
def licence:
	if . == "" then "NOASSERTION"
	else [splits(" or ")] | map([splits(" and ")] | map(spelled[.] // reference) | join(" AND ")) |
		if length > 1 then map(if contains(" AND ") then "(\(.))" else . end) else . end | join(" OR ")
	end;
# The names in it that SPDX does not know.
def unknown: [splits(" or ") | splits(" and ")] | map(select(. != "" and (spelled[.] | not)));

($packages | rows | map({name: .[0], version: .[1], source: .[2], arch: .[3], licence: (.[4] // "")})) as $p |
($files | rows | to_entries | map({id: "SPDXRef-File-\(.key)", path: .value[0], package: .value[1],
	sha1: .value[2], sha256: .value[3]})) as $f |
{
	spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT",
	name: "syncd-\($version)", documentNamespace: "https://syncd.dev/spdx/syncd-\($version)-\($digest)",
	creationInfo: {created: $created, creators: ["Tool: syncd-image-spdx"]},
	packages: [$p[] | {
		SPDXID: (.name | id), name, versionInfo: .version, downloadLocation: "NOASSERTION", filesAnalyzed: false,
		licenseConcluded: "NOASSERTION", licenseDeclared: (.licence | licence),
		copyrightText: "NOASSERTION", comment: "see /usr/share/doc/\(.name)/copyright"
	} + if .name == "syncd" then {primaryPackagePurpose: "APPLICATION"} else {
		supplier: "Organization: Debian", sourceInfo: "built from Debian source package \(.source)",
		externalRefs: [{referenceCategory: "PACKAGE-MANAGER", referenceType: "purl",
			referenceLocator: "pkg:deb/debian/\(.name | @uri)@\(.version | @uri)?arch=\(.arch)&distro=debian-12"}]
	} end],
	files: [$f[] | {
		SPDXID: .id, fileName: ".\(.path)", licenseConcluded: "NOASSERTION", licenseInfoInFiles: ["NOASSERTION"],
		copyrightText: "NOASSERTION", checksums: [{algorithm: "SHA1", checksumValue: .sha1},
			{algorithm: "SHA256", checksumValue: .sha256}]
	}],
	hasExtractedLicensingInfos: ([$p[] | .name as $n | .licence | unknown[] | {
		licenseId: reference, name: ., extractedText: "see /usr/share/doc/\($n)/copyright"
	}] | unique_by(.licenseId)),
	relationships: ([{spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES",
		relatedSpdxElement: ("syncd" | id)}] +
		[$p[] | select(.name != "syncd") | {spdxElementId: ("syncd" | id), relationshipType: "DEPENDS_ON",
			relatedSpdxElement: (.name | id)}] +
		[$f[] | {spdxElementId: (.package | id), relationshipType: "CONTAINS", relatedSpdxElement: .id}])
}
