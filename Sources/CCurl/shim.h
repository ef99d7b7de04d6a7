// libcurl's easy and multi interfaces. curl_easy_setopt, curl_multi_setopt and curl_easy_getinfo are variadic, which Swift cannot call: one shim for
// each type of argument.
#ifndef AVOUCH_CCURL_SHIM_H
#define AVOUCH_CCURL_SHIM_H

#include <curl/curl.h>

typedef size_t (*avouch_curl_sink)(char *octets, size_t size, size_t count, void *context);

static inline CURLcode avouch_curl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode avouch_curl_set_text(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode avouch_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode avouch_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode avouch_curl_set_sink(CURL *handle, CURLoption option, avouch_curl_sink value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode avouch_curl_get_long(CURL *handle, CURLINFO info, long *value) {
  return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode avouch_curl_get_microseconds(CURL *handle, CURLINFO info, curl_off_t *value) {
  return curl_easy_getinfo(handle, info, value);
}
static inline CURLMcode avouch_curl_multi_set_long(CURLM *handle, CURLMoption option, long value) {
  return curl_multi_setopt(handle, option, value);
}
// CURLMsg has a union in it: the next transfer that has ended, with its result; NULL where there is none.
static inline CURL *avouch_curl_multi_next_ended(CURLM *handle, CURLcode *result) {
  int left = 0;
  CURLMsg *message;
  while ((message = curl_multi_info_read(handle, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE) continue;
    *result = message->data.result;
    return message->easy_handle;
  }
  return NULL;
}

#endif
