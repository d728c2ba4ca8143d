{{/* The names and labels of every object. */}}

{{- define "openclaw.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "openclaw.fullname" -}}
{{- $name := include "openclaw.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- /* Short enough for what is appended to it, in labels as well. */ -}}
{{- default $full .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- end -}}

{{- define "openclaw.selectorLabels" -}}
app.kubernetes.io/name: {{ include "openclaw.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "openclaw.labels" -}}
{{ include "openclaw.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "openclaw.serviceAccount" -}}
{{- default (ternary (include "openclaw.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{/* The label that lets a pod of any namespace connect. */}}
{{- define "openclaw.clientLabel" -}}
{{ include "openclaw.fullname" . }}-client
{{- end -}}

{{/* An image, of `image` and the chart's `version`. */}}
{{- define "openclaw.image" -}}
{{- $name := ternary .image.repository (printf "%s/%s" .image.registry .image.repository) (empty .image.registry) -}}
{{- if .image.digest }}{{ printf "%s@%s" $name .image.digest }}{{ else }}{{ printf "%s:%s" $name (default .version .image.tag) }}{{ end -}}
{{- end -}}

{{/* What runs the pod: its state is in a volume of its own, or in the pod. */}}
{{- define "openclaw.workload" -}}
{{- ternary "StatefulSet" "Deployment" .Values.persistence.enabled -}}
{{- end -}}

{{- define "openclaw.claim" -}}
{{- default (printf "state-%s-0" (include "openclaw.fullname" .)) .Values.persistence.existingClaim -}}
{{- end -}}
