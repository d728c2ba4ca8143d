{{/*
The gateway's configuration: what the values say about it, and .Values.config. Keys that OpenClaw does not know live in gateway.json:
OpenClaw's own programs refuse an openclaw.json with strange keys.
*/}}

{{- define "openclaw.ownKeys" -}}
socket trustedBridges publishedOn loopbackIsProxy unattributed proxyProtocol dangerouslyTrustAllProxies limits client metrics
{{- end -}}

{{/* The name that stands for the proxy's pods. */}}
{{- define "openclaw.proxyService" -}}
{{ include "openclaw.fullname" . }}-proxies
{{- end -}}

{{- define "openclaw.proxyNamespace" -}}
{{ default .Release.Namespace .Values.proxy.namespace }}
{{- end -}}

{{/* Whom forwarding headers are believed, as JSON. */}}
{{- define "openclaw.trustedProxies" -}}
{{- $trusted := concat (dig "gateway" "trustedProxies" list .Values.config) .Values.proxy.trusted -}}
{{- if .Values.proxy.podLabels -}}
{{- $trusted = append $trusted (printf "%s.%s.svc.%s" (include "openclaw.proxyService" .) (include "openclaw.proxyNamespace" .) .Values.clusterDomain) -}}
{{- end -}}
{{- toJson (uniq $trusted) -}}
{{- end -}}

{{/* The origins of the pages that browsers open, as JSON. */}}
{{- define "openclaw.allowedOrigins" -}}
{{- $origins := dig "gateway" "controlUi" "allowedOrigins" list .Values.config -}}
{{- if .Values.ingress.enabled -}}
{{- $encrypted := list -}}
{{- range .Values.ingress.tls }}{{ $encrypted = concat $encrypted (default list .hosts) }}{{ end -}}
{{- range .Values.ingress.hosts -}}
{{- $origins = append $origins (printf "%s://%s" (ternary "https" "http" (has .host $encrypted)) .host) -}}
{{- end -}}
{{- end -}}
{{- if .Values.httpRoute.enabled -}}
{{- range .Values.httpRoute.hostnames }}{{ $origins = append $origins (printf "%s://%s" $.Values.httpRoute.scheme .) }}{{ end -}}
{{- end -}}
{{- toJson (uniq $origins) -}}
{{- end -}}

{{/* Both files, as JSON: {"openclaw.json": …, "gateway.json": …}. */}}
{{- define "openclaw.config" -}}
{{- $gateway := dict "port" 18789 "bind" "lan" "auth" (dict "mode" .Values.auth.mode) -}}
{{- $gateway = mustMergeOverwrite $gateway (deepCopy (default dict .Values.config.gateway)) -}}
{{- with include "openclaw.trustedProxies" . | fromJsonArray }}{{ $_ := set $gateway "trustedProxies" . }}{{ end -}}
{{- with include "openclaw.allowedOrigins" . | fromJsonArray }}{{ $_ := set $gateway "controlUi" (mustMerge (dict "allowedOrigins" .) (default dict $gateway.controlUi)) }}{{ end -}}
{{- $_ := set $gateway "limits" (mustMerge (dict "drainSeconds" (int .Values.drainSeconds)) (default dict $gateway.limits)) -}}
{{- if .Values.metrics.enabled }}{{ $_ := set $gateway "metrics" (dict "enabled" true "port" (int .Values.metrics.port)) }}{{ end -}}
{{- if .Values.tls.existingSecret -}}
{{- $_ := set $gateway "tls" (dict "enabled" true "certPath" "/etc/openclaw-tls/tls.crt" "keyPath" "/etc/openclaw-tls/tls.key") -}}
{{- end -}}
{{- $own := dict -}}
{{- range splitList " " (include "openclaw.ownKeys" .) -}}
{{- if hasKey $gateway . }}{{ $_ := set $own . (get $gateway .) }}{{ $_ := unset $gateway . }}{{ end -}}
{{- end -}}
{{- $openclaw := set (deepCopy .Values.config) "gateway" $gateway -}}
{{- dict "openclaw.json" $openclaw "gateway.json" (dict "gateway" $own) | toJson -}}
{{- end -}}
