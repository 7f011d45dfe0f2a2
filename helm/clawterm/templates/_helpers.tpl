{{- define "clawterm.labels" -}}
app.kubernetes.io/name: clawterm
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "clawterm.selector" -}}
app.kubernetes.io/name: clawterm
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "clawterm.name" -}}
{{- printf "%s-clawterm" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
