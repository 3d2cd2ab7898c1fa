{{- define "syncd.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* A file of manifests/ as it is, in the release's namespace: (list $ PATH) */ -}}
{{- define "syncd.file" -}}
{{- $top := index . 0 -}}
{{- $text := $top.Files.Get (printf "files/%s" (index . 1)) | required (printf "files/%s is missing" (index . 1)) -}}
---
{{ $text | replace "syncd-system" $top.Release.Namespace }}
{{- end }}
