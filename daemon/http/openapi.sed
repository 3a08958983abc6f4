# SPDX-License-Identifier: MIT OR Apache-2.0
# A text as a constant of C: each line of it becomes one.
s/[\\"]/\\&/g
s/.*/"&\\n"/
1i extern const char openapi_description[];\
const char openapi_description[] =
$a ;
